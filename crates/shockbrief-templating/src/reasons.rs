//! Why a value is missing, in French: reasons arise in English where they are found, with `{}` here for their numbers.
//!
//! A reason without a translation says that a value is missing, never in another language than the page.

/// What stands for a reason that has no translation.
pub(crate) const UNNAMED: &str = "une valeur manque";

/// Reasons in English and in French.
const REASONS: [(&str, &str); 62] = [
    ("{} of {} estimation days", "{} jours d’estimation sur {}"),
    ("{} of {} observations", "{} observations sur {}"),
    ("{} of {} returns", "{} rendements sur {}"),
    ("{} of {} pairs", "{} paires sur {}"),
    ("{} of {} pairs of changes", "{} paires de variations sur {}"),
    ("{} of {} prices", "{} cours sur {}"),
    ("{} of {} closing prices", "{} cours de clôture sur {}"),
    ("{} of {} firms", "{} sociétés sur {}"),
    ("{} of {} events", "{} événements sur {}"),
    ("{} of {} names with prices", "{} valeurs avec des cours sur {}"),
    ("{} of {} names with a score", "{} valeurs avec un score sur {}"),
    ("{} of {} positions with prices", "{} positions avec des cours sur {}"),
    ("{} of {} earlier sessions", "{} séances antérieures sur {}"),
    ("{} of {} sessions since", "{} séances depuis, sur {}"),
    ("{} of {} sessions since the event", "{} séances depuis l’événement, sur {}"),
    ("{} of {} separate shocks", "{} chocs séparés sur {}"),
    ("{} of {} shocks", "{} chocs sur {}"),
    ("{} of {} shocks that do not overlap", "{} chocs qui ne se chevauchent pas, sur {}"),
    ("{} of {} finished recoveries", "{} rattrapages achevés sur {}"),
    ("{} of {} windows of history", "{} fenêtres d’historique sur {}"),
    ("{} of {} ordinary days", "{} jours ordinaires sur {}"),
    ("{} of {} past days like it", "{} jours passés comparables sur {}"),
    ("the regressors are linearly dependent", "les variables explicatives sont liées entre elles"),
    ("no firm has a valid return in the window", "aucune société n’a de rendement valable dans la fenêtre"),
    ("no valid return in the event window", "aucun rendement valable dans la fenêtre de l’événement"),
    ("the event lies outside the sample", "l’événement est hors de l’échantillon"),
    ("the series never falls", "la série ne baisse jamais"),
    ("too little history", "historique trop court"),
    ("too few results", "trop peu de résultats"),
    ("too few prices", "trop peu de cours"),
    ("a price is missing", "un cours manque"),
    ("a quarter is missing", "un trimestre manque"),
    ("no amounts", "aucun montant"),
    ("no prices", "aucun cours"),
    ("no prices in the data", "aucun cours dans les données"),
    ("no prices of any member in the data", "aucun cours d’un membre dans les données"),
    ("no value on {}-{}-{}", "aucune valeur au {}-{}-{}"),
    ("no value in the stretch", "aucune valeur dans l’intervalle"),
    ("no name has a value there", "aucune valeur mobilière n’a de valeur à cet endroit"),
    ("no row has a value", "aucune ligne n’a de valeur"),
    ("no session of the period", "aucune séance de la période"),
    ("no session since the event", "aucune séance depuis l’événement"),
    ("no sessions in the data", "aucune séance dans les données"),
    ("no date is covered", "aucune date n’est couverte"),
    ("no result is covered", "aucun résultat n’est couvert"),
    ("no row of the source has a number there", "aucune ligne de la source n’a de nombre à cet endroit"),
    ("no share count filed before the event", "aucun nombre d’actions déposé avant l’événement"),
    ("the data begin later", "les données commencent plus tard"),
    ("the date lies after the as-of date", "la date est postérieure à la date d’arrêté"),
    ("the data folder holds no rows of the source", "le dossier de données n’a aucune ligne de la source"),
    ("the stretch ends before it begins", "l’intervalle finit avant de commencer"),
    ("the first level is not positive", "le premier niveau n’est pas positif"),
    ("the report is about no event", "le rapport ne porte sur aucun événement"),
    ("the exchange has not traded since the event", "la place n’a pas coté depuis l’événement"),
    ("the source has no quotes for this day", "la source n’a pas de cours cotés ce jour"),
    ("the rule addresses no company of the universe", "la règle ne vise aucune société de l’univers"),
    ("what it is measured against does not vary", "la série de comparaison ne varie pas"),
    ("names of several currencies have no mean", "des valeurs en plusieurs monnaies n’ont pas de moyenne"),
    ("not recovered by the as-of date", "pas encore rattrapé à la date d’arrêté"),
    ("not in the issue before", "absent du numéro précédent"),
    ("one of the two issues has no value", "l’un des deux numéros n’a pas de valeur"),
    ("divided by zero", "division par zéro"),
];

/// A reason in French, its numbers as `{}`.
pub(crate) fn french(key: &str) -> Option<&'static str> {
    REASONS.iter().find(|(english, _)| *english == key).map(|(_, french)| *french)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_number_and_no_reason_stands_twice() {
        for (at, (english, french)) in REASONS.iter().enumerate() {
            assert_eq!(english.matches("{}").count(), french.matches("{}").count(), "{english}");
            assert!(REASONS[..at].iter().all(|(earlier, _)| earlier != english), "{english}");
        }
    }
}
