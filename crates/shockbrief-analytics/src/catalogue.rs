//! Every statistic of an event study in one table: formula, law, paper, when to believe it, what it is made
//! of, and the function that computes it.
//!
//! One entry per key of the study's JSON. The tests of a window ([`crate::event_study::tests()`]), the study,
//! its explanation and the size table derive from here, so that no statistic is listed or described twice: a
//! new one is its function and its entry.

use crate::event_study::prepared::{Prepared, Sampled};
use crate::event_study::statistic::Stat;
use crate::event_study::{cross_section, dependence, rank, sign, standardised};
use crate::moments::skewness;
use crate::reason::Outcome;
use serde::{Deserialize, Serialize};

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

/// Parts of a study beyond the tests of each model, asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// Equal-weight portfolio of all firms, market model.
    Portfolio,
    /// Multivariate regression for day 0, day +1 and each window.
    Mvrm,
    /// Placebo dates.
    Placebo,
    /// Residual and wild bootstrap.
    Bootstrap,
    /// Scholes-Williams, Dimson and Fowler-Rorke slopes.
    NonsynchronousBetas,
    /// Buy-and-hold abnormal returns against the market.
    Bhar,
    /// Holm and Benjamini-Hochberg over firms on day 0.
    Multiplicity,
}

/// What a statistic is computed from, and by what.
#[derive(Debug, Clone, Copy)]
pub enum Compute {
    /// The cross-section of one window.
    Section(fn(&Prepared<'_>) -> Outcome<Stat>),
    /// The cross-section of one window and the firms' returns.
    Sample(fn(&Sampled<'_>) -> Outcome<Stat>),
    /// One firm: [`crate::event_study::FirmFit`].
    Firm,
    /// A part that a study computes when asked.
    Extra(Extra),
    /// A table of its own: the statistic of this name in [`crate::stat::STATS`].
    Table(&'static str),
}

/// One statistic: what it is, when to believe it, and how it is computed.
#[derive(Debug, Clone, Copy)]
pub struct Statistic {
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
    /// Keys of the values that it is made of, beside it in the JSON.
    pub made_of: &'static [&'static str],
    /// Input and computation.
    pub compute: Compute,
}

use Compute::{Extra as OnRequest, Firm, Sample, Section, Table};
use Standing::{Appendix, Descriptive, Diagnostic, Headline, Valid};

const RISES: &str = "over-rejects when event-day variance exceeds the estimation variance";

/// All statistics, headline tests first, in the order in which to print them.
pub const STATISTICS: &[Statistic] = &[
    Statistic {
        key: "kp_adj_bmp_t",
        name: "BMP test adjusted for cross-correlation",
        formula: "t_BMP sqrt((1 - r̄)/(1 + (N-1) r̄))",
        law: "Student, df N-1",
        paper: "Kolari & Pynnonen (2010)",
        standing: Headline,
        caveat: "",
        made_of: &["kp_adj_bmp_df", "n", "bmp_t", "r_bar"],
        compute: Section(|p| dependence::kp_adj_bmp_t(p.section, p.pairs().r_bar()?)),
    },
    Statistic {
        key: "portfolio_t",
        name: "portfolio test",
        formula: "SCAR of the equal-weight portfolio treated as one firm",
        law: "Student, df M-p",
        paper: "Jaffe (1974)",
        standing: Headline,
        caveat: RISES,
        made_of: &["portfolio_df", "n", "caar"],
        compute: Sample(|s| s.portfolio_t()),
    },
    Statistic {
        key: "placebo_p",
        name: "placebo dates",
        formula: "p = (1 + #{|mean block| >= |mean SCAR|})/(1 + n) over all length-L blocks of the estimation window",
        law: "rank among placebo blocks",
        paper: "Brown & Warner (1985), randomisation form",
        standing: Headline,
        caveat: RISES,
        made_of: &["n", "caar"],
        compute: Sample(|s| s.placebo_p()),
    },
    Statistic {
        key: "mvrm_f",
        name: "joint test that every firm's effect is zero",
        formula: "F = (T-k-N+1)/(N(T-k)) γ'Σ⁻¹γ/a",
        law: "F(N, T-k-N+1)",
        paper: "Schipper & Thompson (1983); Binder (1985)",
        standing: Headline,
        caveat: "needs T-k > N, otherwise test by theme; supposes normal residuals: heavy tails double its size and a higher event variance makes it reject nearly always, so read its rank among ordinary days",
        made_of: &["mvrm_df1", "mvrm_df2", "n"],
        compute: Sample(|s| s.mvrm_f()),
    },
    Statistic {
        key: "kpp_adj_bmp_t_theta",
        name: "BMP test adjusted for partly overlapping windows",
        formula: "t_BMP sqrt((1 - θ)/(1 + (N-1) θ))",
        law: "Student, df N-1",
        paper: "after Kolari, Pape & Pynnonen (2018)",
        standing: Valid,
        caveat: "",
        made_of: &["kpp_adj_bmp_t_theta_df", "n", "bmp_t", "theta"],
        compute: Section(|p| dependence::kp_adj_bmp_t(p.section, p.pairs().theta()?)),
    },
    Statistic {
        key: "kp_adj_patell_z",
        name: "Patell test adjusted for cross-correlation",
        formula: "z sqrt(1/(1 + (N-1) r̄)), z = ΣSCAR/sqrt(ΣQ)",
        law: "standard normal",
        paper: "Kolari & Pynnonen (2010)",
        standing: Valid,
        caveat: RISES,
        made_of: &["n", "patell_z_exactvar", "r_bar"],
        compute: Section(|p| dependence::kp_adj_patell_z(p.section, p.pairs().r_bar()?)),
    },
    Statistic {
        key: "mvrm_t_mean",
        name: "mean effect in the multivariate regression",
        formula: "mean γ over its standard error; equals portfolio_t",
        law: "Student, df T-k",
        paper: "Binder (1985)",
        standing: Valid,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: Sample(|s| s.mvrm_t_mean()),
    },
    Statistic {
        key: "cda_t",
        name: "crude dependence adjustment",
        formula: "Σ_W AAR/(√L sd of the estimation AAR)",
        law: "Student, df T-1",
        paper: "Brown & Warner (1980, 1985)",
        standing: Valid,
        caveat: RISES,
        made_of: &["cda_df", "caar", "l2", "cda_s"],
        compute: Section(|p| p.cda().map(|both| both.0)),
    },
    Statistic {
        key: "corrado_rank_z",
        name: "rank test",
        formula: "Σ_W (K̄_t - (T+1)/2)/(√L S)",
        law: "standard normal",
        paper: "Corrado (1989); Cowan (1992)",
        standing: Valid,
        caveat: "complete data only; moderately over-rejects when event variance rises",
        made_of: &["l2", "corrado_rank_S", "corrado_T"],
        compute: Section(|p| p.corrado().map(|k| k.z)),
    },
    Statistic {
        key: "corrado_zivney_rank_z",
        name: "rank test with missing data",
        formula: "Σ_W Σ_i U/√N_t over √L S, U = K/(1+T_i) - 1/2",
        law: "standard normal",
        paper: "Corrado & Zivney (1992)",
        standing: Valid,
        caveat: "moderately over-rejects when event variance rises",
        made_of: &["l2", "corrado_zivney_rank_S"],
        compute: Section(|p| p.zivney().map(|both| both.0)),
    },
    Statistic {
        key: "corrado_zivney_sign_z",
        name: "sign test about the firm's median",
        formula: "as the rank test with sign(AR - median_i) for U",
        law: "standard normal",
        paper: "Corrado & Zivney (1992)",
        standing: Valid,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| rank::corrado_zivney_sign(p.section)),
    },
    Statistic {
        key: "grank_t",
        name: "generalised rank test",
        formula: "Z sqrt((T-2)/(T-1-Z²)), Z = Ū_0/S with S² = T⁻¹Σ(n_t/N)Ū_t²",
        law: "Student, df T-2",
        paper: "Kolari & Pynnonen (2011)",
        standing: Valid,
        caveat: "slightly over-rejects with few firms and high correlation",
        made_of: &["grank_df", "grank_Z", "grank_T", "grank_ubar0"],
        compute: Section(|p| p.grank().and_then(|g| g.t_stat)),
    },
    Statistic {
        key: "bootstrap_p",
        name: "residual bootstrap of dates",
        formula: "share of draws with |mean SCAR*| >= |mean SCAR|, whole cross-sections resampled in blocks",
        law: "bootstrap",
        paper: "Politis & Romano (1994)",
        standing: Valid,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: OnRequest(Extra::Bootstrap),
    },
    Statistic {
        key: "wild_bootstrap_p",
        name: "wild bootstrap by date",
        formula: "as bootstrap_p with Rademacher signs per date",
        law: "bootstrap",
        paper: "Wu (1986); Cameron, Gelbach & Miller (2008)",
        standing: Valid,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: OnRequest(Extra::Bootstrap),
    },
    Statistic {
        key: "csect_t",
        name: "cross-sectional t",
        formula: "√N mean(CAR)/sd(CAR)",
        law: "Student, df N-1",
        paper: "Brown & Warner (1980)",
        standing: Appendix,
        caveat: "",
        made_of: &["csect_df", "n", "caar", "car_sd"],
        compute: Section(|p| cross_section::csect_t(p.section)),
    },
    Statistic {
        key: "skewadj_hall_t",
        name: "skewness-adjusted t, cubic",
        formula: "√N(S + γS²/3 + γ²S³/27 + γ/(6N)), S = mean/sd",
        law: "Student, df N-1",
        paper: "Hall (1992)",
        standing: Appendix,
        caveat: "",
        made_of: &["n", "caar", "car_sd", "car_skew_g1adj"],
        compute: Section(|p| cross_section::skewadj_hall_t(p.section)),
    },
    Statistic {
        key: "skewadj_johnson_t",
        name: "skewness-adjusted t",
        formula: "√N(S + γS²/3 + γ/(6N))",
        law: "Student, df N-1",
        paper: "Johnson (1978); Lyon, Barber & Tsai (1999)",
        standing: Appendix,
        caveat: "",
        made_of: &["n", "caar", "car_sd", "car_skew_g1adj"],
        compute: Section(|p| cross_section::skewadj_johnson_t(p.section)),
    },
    Statistic {
        key: "patell_z",
        name: "Patell test",
        formula: "Σ_iΣ_W SAR/sqrt(Σ L_i Q_i), Q = df/(df-2)",
        law: "standard normal",
        paper: "Patell (1976)",
        standing: Appendix,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| standardised::patell_z(p.section)),
    },
    Statistic {
        key: "patell_z_equalweight",
        name: "Patell test, firms scaled first",
        formula: "√N mean(Σ_W SAR/sqrt(L_i Q_i))",
        law: "standard normal",
        paper: "Patell (1976)",
        standing: Appendix,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| standardised::patell_z_equalweight(p.section)),
    },
    Statistic {
        key: "patell_z_exactvar",
        name: "Patell test on exact-variance SCARs",
        formula: "ΣSCAR/sqrt(ΣQ)",
        law: "standard normal",
        paper: "Mikkelson & Partch (1988)",
        standing: Appendix,
        caveat: RISES,
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| standardised::patell_z_exactvar(p.section)),
    },
    Statistic {
        key: "bmp_t",
        name: "standardised cross-sectional test",
        formula: "√N mean(SCAR)/sd(SCAR)",
        law: "Student, df N-1",
        paper: "Boehmer, Musumeci & Poulsen (1991)",
        standing: Appendix,
        caveat: "",
        made_of: &["bmp_df", "n"],
        compute: Section(|p| standardised::bmp_t(p.section)),
    },
    Statistic {
        key: "sign_z",
        name: "sign test",
        formula: "(n₊ - n/2)/(√n/2), n the firms with a CAR other than zero",
        law: "standard normal",
        paper: "Brown & Warner (1980)",
        standing: Appendix,
        caveat: "",
        made_of: &["n_signed", "n_pos"],
        compute: Section(|p| sign::sign_z(p.section)),
    },
    Statistic {
        key: "sign_p_exact",
        name: "sign test, exact",
        formula: "two-sided binomial p of n₊ against 1/2 among the firms with a CAR other than zero",
        law: "binomial",
        paper: "Brown & Warner (1980)",
        standing: Appendix,
        caveat: "",
        made_of: &["n_signed", "n_pos"],
        compute: Section(|p| sign::sign_p_exact(p.section)),
    },
    Statistic {
        key: "gsign_z",
        name: "generalised sign test",
        formula: "(n₊ - np̂)/sqrt(np̂(1-p̂)), n the firms with a CAR other than zero",
        law: "standard normal",
        paper: "Cowan (1992)",
        standing: Appendix,
        caveat: "",
        made_of: &["n_signed", "n_pos", "gsign_phat"],
        compute: Section(|p| sign::gsign_z(p.section)),
    },
    Statistic {
        key: "wilcoxon_p_exact",
        name: "signed-rank test, exact",
        formula: "two-sided p of W₊ by enumeration",
        law: "signed-rank",
        paper: "Wilcoxon (1945)",
        standing: Appendix,
        caveat: "at most 50 firms, no ties",
        made_of: &["n_signed", "wilcoxon_wplus"],
        compute: Section(|p| sign::wilcoxon_p_exact(p.section)),
    },
    Statistic {
        key: "wilcoxon_z",
        name: "signed-rank test, normal form",
        formula: "(W₊ - n(n+1)/4)/sqrt(n(n+1)(2n+1)/24 - Σ(t³-t)/48)",
        law: "standard normal",
        paper: "Wilcoxon (1945)",
        standing: Appendix,
        caveat: "",
        made_of: &["n_signed", "wilcoxon_wplus"],
        compute: Section(|p| sign::wilcoxon_z(p.section)),
    },
    Statistic {
        key: "grank_z",
        name: "generalised rank test, independent firms",
        formula: "Ū_0/sqrt(Σ(T_i-1)/(12(T_i+1))/N²)",
        law: "standard normal",
        paper: "Kolari & Pynnonen (2011)",
        standing: Appendix,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.grank().and_then(|g| g.z_stat)),
    },
    Statistic {
        key: "bhar_t",
        name: "buy-and-hold abnormal return",
        formula: "√N mean(BHAR)/sd, BHAR = Π(1+r) - Π(1+r_b)",
        law: "Student, df N-1",
        paper: "Barber & Lyon (1997)",
        standing: Appendix,
        caveat: "right-skewed at long horizons",
        made_of: &["n", "mean"],
        compute: OnRequest(Extra::Bhar),
    },
    Statistic {
        key: "bhar_johnson_t",
        name: "buy-and-hold abnormal return, skewness-adjusted",
        formula: "Johnson's form of bhar_t",
        law: "Student, df N-1",
        paper: "Lyon, Barber & Tsai (1999)",
        standing: Appendix,
        caveat: "",
        made_of: &["n", "mean"],
        compute: OnRequest(Extra::Bhar),
    },
    Statistic {
        key: "bhar_bootstrap_p",
        name: "buy-and-hold abnormal return, bootstrapped",
        formula: "bootstrap of Johnson's t over firms",
        law: "bootstrap",
        paper: "Lyon, Barber & Tsai (1999)",
        standing: Appendix,
        caveat: "",
        made_of: &["n", "mean"],
        compute: OnRequest(Extra::Bhar),
    },
    Statistic {
        key: "calendar_time_alpha",
        name: "calendar-time portfolio",
        formula: "intercept of the monthly portfolio's excess return on factors, HC1 and weighted",
        law: "Student, df T-k",
        paper: "Fama (1998); Mitchell & Stafford (2000)",
        standing: Valid,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Table("calendar_time"),
    },
    Statistic {
        key: "clustered_t",
        name: "month-clustered standardised difference",
        formula: "mean d/σ over its month-clustered error",
        law: "Student, df G-1",
        paper: "after Dutta et al. (2018)",
        standing: Valid,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Table("clustered"),
    },
    Statistic {
        key: "t",
        name: "one firm's abnormal return",
        formula: "SCAR = CAR/(s sqrt(L + S'(X'X)⁻¹S))",
        law: "Student, df M-p",
        paper: "MacKinlay (1997)",
        standing: Valid,
        caveat: "one firm, one day: normality is not credible, read gelbach_sq beside it",
        made_of: &["n", "caar", "l2"],
        compute: Firm,
    },
    Statistic {
        key: "gelbach_sq",
        name: "sample-quantile test",
        formula: "p = (1 + #{|e_t| >= |AR|})/(M+1)",
        law: "rank among residuals",
        paper: "Gelbach, Helland & Klick (2013)",
        standing: Valid,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Firm,
    },
    Statistic {
        key: "event_variance_chi2",
        name: "event variance against estimation variance",
        formula: "Σ(SCAR - mean)²/mean(Q)",
        law: "χ², df N-1, upper tail",
        paper: "after Boehmer, Musumeci & Poulsen (1991)",
        standing: Descriptive,
        caveat: "a small p warns that portfolio, placebo and rank tests over-reject",
        made_of: &["event_variance_chi2_df", "n"],
        compute: Section(|p| standardised::event_variance_chi2(p.section)),
    },
    Statistic {
        key: "r_bar",
        name: "mean residual correlation",
        formula: "mean off-diagonal Pearson correlation of estimation residuals on common calendar days",
        law: "",
        paper: "Kolari & Pynnonen (2010)",
        standing: Descriptive,
        caveat: "",
        made_of: &["pairs", "pairs_with_overlap_est"],
        compute: Section(|p| p.describe(p.pairs().r_bar())),
    },
    Statistic {
        key: "theta",
        name: "overlap-weighted mean correlation",
        formula: "mean over pairs of ρ_ij n_ij/sqrt(L_i L_j)",
        law: "",
        paper: "after Kolari, Pape & Pynnonen (2018)",
        standing: Descriptive,
        caveat: "",
        made_of: &["pairs", "pairs_with_overlap_event", "r_bar"],
        compute: Section(|p| p.describe(p.pairs().theta())),
    },
    Statistic {
        key: "car_skew_g1adj",
        name: "skewness of the CARs",
        formula: "N/((N-1)(N-2)) Σ((CAR - mean)/sd)³",
        law: "",
        paper: "",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(skewness(&p.section.car_values()))),
    },
    Statistic {
        key: "n_pos",
        name: "firms with a positive CAR",
        formula: "#{CAR > 0}",
        law: "",
        paper: "",
        standing: Descriptive,
        caveat: "",
        made_of: &["n"],
        compute: Section(|p| p.describe(Ok(sign::n_pos(p.section) as f64))),
    },
    Statistic {
        key: "n_signed",
        name: "firms with a CAR other than zero",
        formula: "#{|CAR| > 1e-12}",
        law: "",
        paper: "",
        standing: Descriptive,
        caveat: "",
        made_of: &["n"],
        compute: Section(|p| p.describe(sign::n_signed(p.section).map(|n| n as f64))),
    },
    Statistic {
        key: "gsign_phat",
        name: "expected share of positive residuals",
        formula: "mean over firms of #{e > 0}/#{e ≠ 0}",
        law: "",
        paper: "Cowan (1992)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| sign::gsign_phat(p.section)),
    },
    Statistic {
        key: "wilcoxon_wplus",
        name: "signed-rank sum",
        formula: "Σ rank|CAR| over CAR > 0",
        law: "",
        paper: "Wilcoxon (1945)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| sign::wilcoxon_wplus(p.section)),
    },
    Statistic {
        key: "corrado_rank_S",
        name: "scale of the rank test",
        formula: "sqrt(T⁻¹Σ(K̄_t - (T+1)/2)²)",
        law: "",
        paper: "Corrado (1989)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(p.corrado().map(|k| k.s))),
    },
    Statistic {
        key: "corrado_T",
        name: "days of the rank tests",
        formula: "estimation and event days",
        law: "",
        paper: "Corrado (1989)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(Ok(rank::days(p.section) as f64))),
    },
    Statistic {
        key: "corrado_zivney_rank_S",
        name: "scale of the rank test with missing data",
        formula: "root mean square of Σ_i U/√N_t",
        law: "",
        paper: "Corrado & Zivney (1992)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(p.zivney().map(|both| both.1))),
    },
    Statistic {
        key: "cda_s",
        name: "spread of the estimation AAR",
        formula: "sd with T-1",
        law: "",
        paper: "Brown & Warner (1980)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(p.cda().map(|both| both.1))),
    },
    Statistic {
        key: "grank_T",
        name: "points of the generalised rank test",
        formula: "estimation days and one event point",
        law: "",
        paper: "Kolari & Pynnonen (2011)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(p.grank().map(|g| g.t as f64))),
    },
    Statistic {
        key: "grank_ubar0",
        name: "mean rank of the event point",
        formula: "mean over firms of rank/(M_i+2) - 1/2",
        law: "",
        paper: "Kolari & Pynnonen (2011)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.describe(p.grank().map(|g| g.ubar0))),
    },
    Statistic {
        key: "grank_Z",
        name: "generalised rank ratio",
        formula: "Ū_0/S",
        law: "",
        paper: "Kolari & Pynnonen (2011)",
        standing: Descriptive,
        caveat: "",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| p.grank().and_then(|g| g.z_ratio)),
    },
    Statistic {
        key: "bmp_t_sumsar",
        name: "BMP on summed SARs",
        formula: "BMP with Σ_W SAR for SCAR",
        law: "Student, df N-1",
        paper: "",
        standing: Diagnostic,
        caveat: "ignores the covariance of prediction errors",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| standardised::bmp_t_sumsar(p.section)),
    },
    Statistic {
        key: "bmp_t_no_forecast_error",
        name: "BMP without forecast error",
        formula: "BMP with CAR/(s√L) for SCAR",
        law: "Student, df N-1",
        paper: "",
        standing: Diagnostic,
        caveat: "an error unless all firms share windows",
        made_of: &["n", "caar", "l2"],
        compute: Section(|p| standardised::bmp_t_no_forecast_error(p.section)),
    },
];

/// The entry of a key.
pub fn explain(key: &str) -> Option<&'static Statistic> {
    STATISTICS.iter().find(|e| e.key == key)
}

/// Keys of the headline tests, in reading order.
pub fn headline() -> impl Iterator<Item = &'static Statistic> {
    STATISTICS.iter().filter(|e| e.standing == Headline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_unique_and_described() {
        let keys: BTreeSet<&str> = STATISTICS.iter().map(|e| e.key).collect();
        assert_eq!(keys.len(), STATISTICS.len());
        assert!(STATISTICS.iter().all(|e| !e.name.is_empty() && !e.formula.is_empty()));
    }

    #[test]
    fn what_a_statistic_is_made_of_is_a_key_or_a_count() {
        let counts = [
            "n",
            "l2",
            "caar",
            "car_sd",
            "mean",
            "pairs",
            "pairs_with_overlap_est",
            "pairs_with_overlap_event",
        ];
        for entry in STATISTICS {
            for part in entry.made_of {
                let known = counts.contains(part) || explain(part).is_some() || part.contains("_df");
                assert!(known, "{}: {part}", entry.key);
            }
            if let Table(name) = entry.compute {
                assert!(crate::stat::STATS.iter().any(|stat| stat.name == name), "{name}");
            }
        }
    }

    #[test]
    fn headline_is_in_the_agreed_order() {
        let keys: Vec<&str> = headline().map(|e| e.key).collect();
        assert_eq!(keys, ["kp_adj_bmp_t", "portfolio_t", "placebo_p", "mvrm_f"]);
    }
}
