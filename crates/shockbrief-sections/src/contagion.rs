//! Contagion: did links with the source of the shock tighten beyond what its volatility explains?

use crate::{Shock, tabulate};
use anyhow::Result;
use shockbrief_analytics::contagion::{Contagion, forbes_rigobon};
use shockbrief_core::{Cell, Figure, Findings, Table, ThemeId, Unit};

pub fn analyse(context: &Shock<'_>, findings: &mut Findings) -> Result<()> {
    let source = &context.spec.source;
    let (market, series) = context.find(source)?;
    let day0 = context.day0(market)?;
    let stable = context.estimation_rows(day0);
    // The day of the shock belongs to neither side: one extreme session would make the correlation after it.
    let turmoil = day0 + 1..market.sessions.len();
    findings.add(
        Figure::new("contagion.turmoil_days", turmoil.len() as f64, Unit::Count, "sessions", context.as_of)
            .inputs([source.as_str()]),
    );
    let returns = series.simple_returns();
    for theme in &context.report.themes {
        let portfolio = context.theme(theme, Some(source))?.returns;
        let pair = stable.clone().ok_or_else(|| "too little history".to_owned()).and_then(|stable| {
            forbes_rigobon(
                (&returns[stable.clone()], &portfolio[stable]),
                (&returns[turmoil.clone()], &portfolio[turmoil.clone()]),
                1,
            )
            .map_err(|error| error.to_string())
        });
        record(context, theme, &pair, findings);
    }
    findings.tables.insert("contagion".to_owned(), table(context));
    Ok(())
}

fn record(context: &Shock<'_>, theme: &ThemeId, pair: &Result<Contagion, String>, findings: &mut Findings) {
    let inputs = [context.spec.source.to_string(), format!("theme:{theme}")];
    let mut add = |id: &str, value: fn(&Contagion) -> f64, unit, statistic| {
        let value = pair.as_ref().map(value).map_err(Clone::clone);
        let n = pair.as_ref().map_or(0, |pair| if id == "stable" { pair.n_stable } else { pair.n_turmoil });
        findings.add(
            Figure::from_result(format!("contagion.{theme}.{id}"), value, unit, statistic, context.as_of)
                .inputs(inputs.clone())
                .n(n),
        );
    };
    add("stable", |pair| pair.rho_stable, Unit::Correlation, "pearson");
    add("turmoil", |pair| pair.rho_turmoil, Unit::Correlation, "pearson");
    add("adjusted", |pair| pair.rho_turmoil_forbes_rigobon, Unit::Correlation, "forbes_rigobon");
    add("p_unadjusted", |pair| pair.p_one_sided_unadjusted, Unit::Probability, "fisher_z");
    add("p_adjusted", |pair| pair.p_one_sided_adjusted, Unit::Probability, "forbes_rigobon");
}

fn table(context: &Shock<'_>) -> Table {
    let columns = vec![
        tabulate::text("col.theme"),
        tabulate::number("col.rho-before", "num(2)"),
        tabulate::number("col.rho-after", "num(2)"),
        tabulate::number("col.rho-adjusted", "num(2)"),
        tabulate::number("col.p-unadjusted", "pval"),
        tabulate::number("col.p-adjusted", "pval"),
    ];
    let rows = context
        .report
        .themes
        .iter()
        .map(|theme| {
            let ids = ["stable", "turmoil", "adjusted", "p_unadjusted", "p_adjusted"];
            tabulate::row(
                Cell::Label(format!("theme.{theme}")),
                ids.map(|id| format!("contagion.{theme}.{id}")),
            )
        })
        .collect();
    Table { id: "contagion".to_owned(), columns, rows, sources: context.sources(&context.spec.sample) }
}
