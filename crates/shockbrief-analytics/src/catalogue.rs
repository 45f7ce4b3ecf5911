//! What every statistic is: formula, paper, and when to believe it.
//!
//! One entry per key of the study's JSON. The method section of a brief and
//! the command that explains a statistic print from here, so that no formula
//! is described twice. The catalogue computes nothing.

use serde::Serialize;

/// Where a statistic may be shown when all firms share one event date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Read first: keeps its size under dependence on one date.
    Headline,
    /// Keeps its size under dependence, with the caveat in the entry.
    Valid,
    /// Assumes independent firms: on one date only in an appendix, marked.
    Appendix,
    /// A number that describes, without a p-value of its own.
    Descriptive,
    /// A variant met in other software, for diagnosis only.
    Diagnostic,
}

/// One statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Key in the JSON.
    pub key: &'static str,
    /// Name in words.
    pub name: &'static str,
    /// Formula; symbols as in the module documentation.
    pub formula: &'static str,
    /// Law of the statistic under the null.
    pub law: &'static str,
    /// Source.
    pub paper: &'static str,
    /// Standing on a common event date.
    pub standing: Standing,
    /// What to beware of; empty when nothing beyond `standing`.
    pub caveat: &'static str,
}

const fn entry(
    key: &'static str,
    name: &'static str,
    formula: &'static str,
    law: &'static str,
    paper: &'static str,
    standing: Standing,
    caveat: &'static str,
) -> Entry {
    Entry { key, name, formula, law, paper, standing, caveat }
}

use Standing::{Appendix, Descriptive, Diagnostic, Headline, Valid};

const RISES: &str = "over-rejects when event-day variance exceeds the estimation variance";

/// All statistics, headline tests first, in the order in which to print them.
pub const ENTRIES: &[Entry] = &[
    entry(
        "kp_adj_bmp_t",
        "BMP test adjusted for cross-correlation",
        "t_BMP sqrt((1 - r̄)/(1 + (N-1) r̄))",
        "Student, df N-1",
        "Kolari & Pynnonen (2010)",
        Headline,
        "",
    ),
    entry(
        "portfolio_t",
        "portfolio test",
        "SCAR of the equal-weight portfolio treated as one firm",
        "Student, df M-p",
        "Jaffe (1974)",
        Headline,
        RISES,
    ),
    entry(
        "placebo_p",
        "placebo dates",
        "p = (1 + #{|mean block| >= |mean SCAR|})/(1 + n) over all length-L blocks of the estimation window",
        "rank among placebo blocks",
        "Brown & Warner (1985), randomisation form",
        Headline,
        RISES,
    ),
    entry(
        "mvrm_f",
        "joint test that every firm's effect is zero",
        "F = (T-k-N+1)/(N(T-k)) γ'Σ⁻¹γ/a",
        "F(N, T-k-N+1)",
        "Schipper & Thompson (1983); Binder (1985)",
        Headline,
        "needs T-k > N; otherwise test by theme",
    ),
    entry(
        "kpp_adj_bmp_t_theta",
        "BMP test adjusted for partly overlapping windows",
        "t_BMP sqrt((1 - θ)/(1 + (N-1) θ))",
        "Student, df N-1",
        "after Kolari, Pape & Pynnonen (2018)",
        Valid,
        "",
    ),
    entry(
        "kp_adj_patell_z",
        "Patell test adjusted for cross-correlation",
        "z sqrt(1/(1 + (N-1) r̄)), z = ΣSCAR/sqrt(ΣQ)",
        "standard normal",
        "Kolari & Pynnonen (2010)",
        Valid,
        RISES,
    ),
    entry(
        "mvrm_t_mean",
        "mean effect in the multivariate regression",
        "mean γ over its standard error; equals portfolio_t",
        "Student, df T-k",
        "Binder (1985)",
        Valid,
        RISES,
    ),
    entry(
        "cda_t",
        "crude dependence adjustment",
        "Σ_W AAR/(√L sd of the estimation AAR)",
        "Student, df T-1",
        "Brown & Warner (1980, 1985)",
        Valid,
        RISES,
    ),
    entry(
        "corrado_rank_z",
        "rank test",
        "Σ_W (K̄_t - (T+1)/2)/(√L S)",
        "standard normal",
        "Corrado (1989); Cowan (1992)",
        Valid,
        "complete data only; moderately over-rejects when event variance rises",
    ),
    entry(
        "corrado_zivney_rank_z",
        "rank test with missing data",
        "Σ_W Σ_i U/√N_t over √L S, U = K/(1+T_i) - 1/2",
        "standard normal",
        "Corrado & Zivney (1992)",
        Valid,
        "moderately over-rejects when event variance rises",
    ),
    entry(
        "corrado_zivney_sign_z",
        "sign test about the firm's median",
        "as the rank test with sign(AR - median_i) for U",
        "standard normal",
        "Corrado & Zivney (1992)",
        Valid,
        "",
    ),
    entry(
        "grank_t",
        "generalised rank test",
        "Z sqrt((T-2)/(T-1-Z²)), Z = Ū_0/S with S² = T⁻¹Σ(n_t/N)Ū_t²",
        "Student, df T-2",
        "Kolari & Pynnonen (2011)",
        Valid,
        "slightly over-rejects with few firms and high correlation",
    ),
    entry(
        "bootstrap_p",
        "residual bootstrap of dates",
        "share of draws with |mean SCAR*| >= |mean SCAR|, whole cross-sections resampled in blocks",
        "bootstrap",
        "Politis & Romano (1994)",
        Valid,
        RISES,
    ),
    entry(
        "wild_bootstrap_p",
        "wild bootstrap by date",
        "as bootstrap_p with Rademacher signs per date",
        "bootstrap",
        "Wu (1986); Cameron, Gelbach & Miller (2008)",
        Valid,
        RISES,
    ),
    entry(
        "csect_t",
        "cross-sectional t",
        "√N mean(CAR)/sd(CAR)",
        "Student, df N-1",
        "Brown & Warner (1980)",
        Appendix,
        "",
    ),
    entry(
        "skewadj_hall_t",
        "skewness-adjusted t, cubic",
        "√N(S + γS²/3 + γ²S³/27 + γ/(6N)), S = mean/sd",
        "Student, df N-1",
        "Hall (1992)",
        Appendix,
        "",
    ),
    entry(
        "skewadj_johnson_t",
        "skewness-adjusted t",
        "√N(S + γS²/3 + γ/(6N))",
        "Student, df N-1",
        "Johnson (1978); Lyon, Barber & Tsai (1999)",
        Appendix,
        "",
    ),
    entry(
        "patell_z",
        "Patell test",
        "Σ_iΣ_W SAR/sqrt(Σ L_i Q_i), Q = df/(df-2)",
        "standard normal",
        "Patell (1976)",
        Appendix,
        RISES,
    ),
    entry(
        "patell_z_equalweight",
        "Patell test, firms scaled first",
        "√N mean(Σ_W SAR/sqrt(L_i Q_i))",
        "standard normal",
        "Patell (1976)",
        Appendix,
        RISES,
    ),
    entry(
        "patell_z_exactvar",
        "Patell test on exact-variance SCARs",
        "ΣSCAR/sqrt(ΣQ)",
        "standard normal",
        "Mikkelson & Partch (1988)",
        Appendix,
        RISES,
    ),
    entry(
        "bmp_t",
        "standardised cross-sectional test",
        "√N mean(SCAR)/sd(SCAR)",
        "Student, df N-1",
        "Boehmer, Musumeci & Poulsen (1991)",
        Appendix,
        "",
    ),
    entry(
        "sign_z",
        "sign test",
        "(n₊ - n/2)/(√n/2), n the firms with a CAR other than zero",
        "standard normal",
        "Brown & Warner (1980)",
        Appendix,
        "",
    ),
    entry(
        "sign_p_exact",
        "sign test, exact",
        "two-sided binomial p of n₊ against 1/2 among the firms with a CAR other than zero",
        "binomial",
        "Brown & Warner (1980)",
        Appendix,
        "",
    ),
    entry(
        "gsign_z",
        "generalised sign test",
        "(n₊ - np̂)/sqrt(np̂(1-p̂)), n the firms with a CAR other than zero",
        "standard normal",
        "Cowan (1992)",
        Appendix,
        "",
    ),
    entry(
        "wilcoxon_p_exact",
        "signed-rank test, exact",
        "two-sided p of W₊ by enumeration",
        "signed-rank",
        "Wilcoxon (1945)",
        Appendix,
        "at most 50 firms, no ties",
    ),
    entry(
        "wilcoxon_z",
        "signed-rank test, normal form",
        "(W₊ - n(n+1)/4)/sqrt(n(n+1)(2n+1)/24 - Σ(t³-t)/48)",
        "standard normal",
        "Wilcoxon (1945)",
        Appendix,
        "",
    ),
    entry(
        "grank_z",
        "generalised rank test, independent firms",
        "Ū_0/sqrt(Σ(T_i-1)/(12(T_i+1))/N²)",
        "standard normal",
        "Kolari & Pynnonen (2011)",
        Appendix,
        "",
    ),
    entry(
        "bhar_t",
        "buy-and-hold abnormal return",
        "√N mean(BHAR)/sd, BHAR = Π(1+r) - Π(1+r_b)",
        "Student, df N-1",
        "Barber & Lyon (1997)",
        Appendix,
        "right-skewed at long horizons",
    ),
    entry(
        "bhar_johnson_t",
        "buy-and-hold abnormal return, skewness-adjusted",
        "Johnson's form of bhar_t",
        "Student, df N-1",
        "Lyon, Barber & Tsai (1999)",
        Appendix,
        "",
    ),
    entry(
        "bhar_bootstrap_p",
        "buy-and-hold abnormal return, bootstrapped",
        "bootstrap of Johnson's t over firms",
        "bootstrap",
        "Lyon, Barber & Tsai (1999)",
        Appendix,
        "",
    ),
    entry(
        "calendar_time_alpha",
        "calendar-time portfolio",
        "intercept of the monthly portfolio's excess return on factors, HC1 and weighted",
        "Student, df T-k",
        "Fama (1998); Mitchell & Stafford (2000)",
        Valid,
        "",
    ),
    entry(
        "clustered_t",
        "month-clustered standardised difference",
        "mean d/σ over its month-clustered error",
        "Student, df G-1",
        "after Dutta et al. (2018)",
        Valid,
        "",
    ),
    entry(
        "t",
        "one firm's abnormal return",
        "SCAR = CAR/(s sqrt(L + S'(X'X)⁻¹S))",
        "Student, df M-p",
        "MacKinlay (1997)",
        Valid,
        "one firm, one day: normality is not credible, read gelbach_sq beside it",
    ),
    entry(
        "gelbach_sq",
        "sample-quantile test",
        "p = (1 + #{|e_t| >= |AR|})/(M+1)",
        "rank among residuals",
        "Gelbach, Helland & Klick (2013)",
        Valid,
        "",
    ),
    entry(
        "event_variance_chi2",
        "event variance against estimation variance",
        "Σ(SCAR - mean)²/mean(Q)",
        "χ², df N-1, upper tail",
        "after Boehmer, Musumeci & Poulsen (1991)",
        Descriptive,
        "a small p warns that portfolio, placebo and rank tests over-reject",
    ),
    entry(
        "r_bar",
        "mean residual correlation",
        "mean off-diagonal Pearson correlation of estimation residuals on common calendar days",
        "",
        "Kolari & Pynnonen (2010)",
        Descriptive,
        "",
    ),
    entry(
        "theta",
        "overlap-weighted mean correlation",
        "mean over pairs of ρ_ij n_ij/sqrt(L_i L_j)",
        "",
        "after Kolari, Pape & Pynnonen (2018)",
        Descriptive,
        "",
    ),
    entry(
        "car_skew_g1adj",
        "skewness of the CARs",
        "N/((N-1)(N-2)) Σ((CAR - mean)/sd)³",
        "",
        "",
        Descriptive,
        "",
    ),
    entry("n_pos", "firms with a positive CAR", "#{CAR > 0}", "", "", Descriptive, ""),
    entry("n_signed", "firms with a CAR other than zero", "#{|CAR| > 1e-12}", "", "", Descriptive, ""),
    entry(
        "gsign_phat",
        "expected share of positive residuals",
        "mean over firms of #{e > 0}/#{e ≠ 0}",
        "",
        "Cowan (1992)",
        Descriptive,
        "",
    ),
    entry(
        "wilcoxon_wplus",
        "signed-rank sum",
        "Σ rank|CAR| over CAR > 0",
        "",
        "Wilcoxon (1945)",
        Descriptive,
        "",
    ),
    entry(
        "corrado_rank_S",
        "scale of the rank test",
        "sqrt(T⁻¹Σ(K̄_t - (T+1)/2)²)",
        "",
        "Corrado (1989)",
        Descriptive,
        "",
    ),
    entry(
        "corrado_T",
        "days of the rank tests",
        "estimation and event days",
        "",
        "Corrado (1989)",
        Descriptive,
        "",
    ),
    entry(
        "corrado_zivney_rank_S",
        "scale of the rank test with missing data",
        "root mean square of Σ_i U/√N_t",
        "",
        "Corrado & Zivney (1992)",
        Descriptive,
        "",
    ),
    entry(
        "cda_s",
        "spread of the estimation AAR",
        "sd with T-1",
        "",
        "Brown & Warner (1980)",
        Descriptive,
        "",
    ),
    entry(
        "grank_T",
        "points of the generalised rank test",
        "estimation days and one event point",
        "",
        "Kolari & Pynnonen (2011)",
        Descriptive,
        "",
    ),
    entry(
        "grank_ubar0",
        "mean rank of the event point",
        "mean over firms of rank/(M_i+2) - 1/2",
        "",
        "Kolari & Pynnonen (2011)",
        Descriptive,
        "",
    ),
    entry("grank_Z", "generalised rank ratio", "Ū_0/S", "", "Kolari & Pynnonen (2011)", Descriptive, ""),
    entry(
        "bmp_t_sumsar",
        "BMP on summed SARs",
        "BMP with Σ_W SAR for SCAR",
        "Student, df N-1",
        "",
        Diagnostic,
        "ignores the covariance of prediction errors",
    ),
    entry(
        "bmp_t_no_forecast_error",
        "BMP without forecast error",
        "BMP with CAR/(s√L) for SCAR",
        "Student, df N-1",
        "",
        Diagnostic,
        "an error unless all firms share windows",
    ),
];

/// The entry of a key.
pub fn explain(key: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|e| e.key == key)
}

/// Keys of the headline tests, in reading order.
pub fn headline() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().filter(|e| e.standing == Headline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_unique_and_described() {
        let keys: BTreeSet<&str> = ENTRIES.iter().map(|e| e.key).collect();
        assert_eq!(keys.len(), ENTRIES.len());
        assert!(ENTRIES.iter().all(|e| !e.name.is_empty() && !e.formula.is_empty()));
    }

    #[test]
    fn headline_is_in_the_agreed_order() {
        let keys: Vec<&str> = headline().map(|e| e.key).collect();
        assert_eq!(keys, ["kp_adj_bmp_t", "portfolio_t", "placebo_p", "mvrm_f"]);
    }
}
