//! Why a value is missing, in French: reasons arise in English where they are found, with `{}` here for their numbers. Other
//! languages have them among their strings, under the same keys.
//!
//! A reason without a translation says that a value is missing, never in another language than the page.

/// What stands before a reason in its key.
pub(crate) const PREFIX: &str = "format.reason.";
/// What stands for a reason that has no translation.
pub(crate) const UNNAMED: &str = "format.reason.unnamed";

/// Reasons by their keys, which end with the English text, and in French.
const REASONS: [(&str, &str); 62] = [
    ("format.reason.{} of {} estimation days", "{} jours d’estimation sur {}"),
    ("format.reason.{} of {} observations", "{} observations sur {}"),
    ("format.reason.{} of {} returns", "{} rendements sur {}"),
    ("format.reason.{} of {} pairs", "{} paires sur {}"),
    ("format.reason.{} of {} pairs of changes", "{} paires de variations sur {}"),
    ("format.reason.{} of {} prices", "{} cours sur {}"),
    ("format.reason.{} of {} closing prices", "{} cours de clôture sur {}"),
    ("format.reason.{} of {} firms", "{} sociétés sur {}"),
    ("format.reason.{} of {} events", "{} événements sur {}"),
    ("format.reason.{} of {} names with prices", "{} valeurs avec des cours sur {}"),
    ("format.reason.{} of {} names with a score", "{} valeurs avec un score sur {}"),
    ("format.reason.{} of {} positions with prices", "{} positions avec des cours sur {}"),
    ("format.reason.{} of {} earlier sessions", "{} séances antérieures sur {}"),
    ("format.reason.{} of {} sessions since", "{} séances depuis, sur {}"),
    ("format.reason.{} of {} sessions since the event", "{} séances depuis l’événement, sur {}"),
    ("format.reason.{} of {} separate shocks", "{} chocs séparés sur {}"),
    ("format.reason.{} of {} shocks", "{} chocs sur {}"),
    ("format.reason.{} of {} shocks that do not overlap", "{} chocs qui ne se chevauchent pas, sur {}"),
    ("format.reason.{} of {} finished recoveries", "{} rattrapages achevés sur {}"),
    ("format.reason.{} of {} windows of history", "{} fenêtres d’historique sur {}"),
    ("format.reason.{} of {} ordinary days", "{} jours ordinaires sur {}"),
    ("format.reason.{} of {} past days like it", "{} jours passés comparables sur {}"),
    (
        "format.reason.the regressors are linearly dependent",
        "les variables explicatives sont liées entre elles",
    ),
    (
        "format.reason.no firm has a valid return in the window",
        "aucune société n’a de rendement valable dans la fenêtre",
    ),
    (
        "format.reason.no valid return in the event window",
        "aucun rendement valable dans la fenêtre de l’événement",
    ),
    ("format.reason.the event lies outside the sample", "l’événement est hors de l’échantillon"),
    ("format.reason.the series never falls", "la série ne baisse jamais"),
    ("format.reason.too little history", "historique trop court"),
    ("format.reason.too few results", "trop peu de résultats"),
    ("format.reason.too few prices", "trop peu de cours"),
    ("format.reason.a price is missing", "un cours manque"),
    ("format.reason.a quarter is missing", "un trimestre manque"),
    ("format.reason.no amounts", "aucun montant"),
    ("format.reason.no prices", "aucun cours"),
    ("format.reason.no prices in the data", "aucun cours dans les données"),
    ("format.reason.no prices of any member in the data", "aucun cours d’un membre dans les données"),
    ("format.reason.no value on {}-{}-{}", "aucune valeur au {}-{}-{}"),
    ("format.reason.no value in the stretch", "aucune valeur dans l’intervalle"),
    ("format.reason.no name has a value there", "aucune valeur mobilière n’a de valeur à cet endroit"),
    ("format.reason.no row has a value", "aucune ligne n’a de valeur"),
    ("format.reason.no session of the period", "aucune séance de la période"),
    ("format.reason.no session since the event", "aucune séance depuis l’événement"),
    ("format.reason.no sessions in the data", "aucune séance dans les données"),
    ("format.reason.no date is covered", "aucune date n’est couverte"),
    ("format.reason.no result is covered", "aucun résultat n’est couvert"),
    (
        "format.reason.no row of the source has a number there",
        "aucune ligne de la source n’a de nombre à cet endroit",
    ),
    (
        "format.reason.no share count filed before the event",
        "aucun nombre d’actions déposé avant l’événement",
    ),
    ("format.reason.the data begin later", "les données commencent plus tard"),
    ("format.reason.the date lies after the as-of date", "la date est postérieure à la date d’arrêté"),
    (
        "format.reason.the data folder holds no rows of the source",
        "le dossier de données n’a aucune ligne de la source",
    ),
    ("format.reason.the stretch ends before it begins", "l’intervalle finit avant de commencer"),
    ("format.reason.the first level is not positive", "le premier niveau n’est pas positif"),
    ("format.reason.the report is about no event", "le rapport ne porte sur aucun événement"),
    ("format.reason.the exchange has not traded since the event", "la place n’a pas coté depuis l’événement"),
    ("format.reason.the source has no quotes for this day", "la source n’a pas de cours cotés ce jour"),
    (
        "format.reason.the rule addresses no company of the universe",
        "la règle ne vise aucune société de l’univers",
    ),
    ("format.reason.what it is measured against does not vary", "la série de comparaison ne varie pas"),
    (
        "format.reason.names of several currencies have no mean",
        "des valeurs en plusieurs monnaies n’ont pas de moyenne",
    ),
    ("format.reason.not recovered by the as-of date", "pas encore rattrapé à la date d’arrêté"),
    ("format.reason.not in the issue before", "absent du numéro précédent"),
    ("format.reason.one of the two issues has no value", "l’un des deux numéros n’a pas de valeur"),
    ("format.reason.divided by zero", "division par zéro"),
];

/// Reasons: their keys, French, and English.
pub(crate) fn patterns() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    REASONS.into_iter().map(|(key, french)| (key, french, key.strip_prefix(PREFIX).unwrap_or(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_number_and_no_reason_stands_twice() {
        for (at, (key, french)) in REASONS.iter().enumerate() {
            assert_eq!(key.matches("{}").count(), french.matches("{}").count(), "{key}");
            assert!(
                key.starts_with(PREFIX) && REASONS[..at].iter().all(|(earlier, _)| earlier != key),
                "{key}"
            );
        }
    }
}
