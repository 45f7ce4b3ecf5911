//! Why a value is missing, in French and German: reasons arise in English where they are found, with `{}` here for their numbers.
//!
//! A reason without a translation says that a value is missing, never in another language than the page.

/// What stands for a reason that has no translation.
const UNNAMED: (&str, &str) = ("une valeur manque", "ein Wert fehlt");

/// Reasons in English, in French and in German.
const REASONS: [(&str, &str, &str); 62] = [
    ("{} of {} estimation days", "{} jours d’estimation sur {}", "{} von {} Tagen des Schätzfensters"),
    ("{} of {} observations", "{} observations sur {}", "{} von {} Beobachtungen"),
    ("{} of {} returns", "{} rendements sur {}", "{} von {} Renditen"),
    ("{} of {} pairs", "{} paires sur {}", "{} von {} Paaren"),
    ("{} of {} pairs of changes", "{} paires de variations sur {}", "{} von {} Paaren von Veränderungen"),
    ("{} of {} prices", "{} cours sur {}", "{} von {} Kursen"),
    ("{} of {} closing prices", "{} cours de clôture sur {}", "{} von {} Schlusskursen"),
    ("{} of {} firms", "{} sociétés sur {}", "{} von {} Unternehmen"),
    ("{} of {} events", "{} événements sur {}", "{} von {} Ereignissen"),
    ("{} of {} names with prices", "{} valeurs avec des cours sur {}", "{} von {} Titeln mit Kursen"),
    (
        "{} of {} names with a score",
        "{} valeurs avec un score sur {}",
        "{} von {} Titeln mit einer Punktzahl",
    ),
    (
        "{} of {} positions with prices",
        "{} positions avec des cours sur {}",
        "{} von {} Positionen mit Kursen",
    ),
    ("{} of {} earlier sessions", "{} séances antérieures sur {}", "{} von {} früheren Handelstagen"),
    ("{} of {} sessions since", "{} séances depuis, sur {}", "{} von {} Handelstagen seither"),
    (
        "{} of {} sessions since the event",
        "{} séances depuis l’événement, sur {}",
        "{} von {} Handelstagen seit dem Ereignis",
    ),
    ("{} of {} separate shocks", "{} chocs séparés sur {}", "{} von {} getrennten Schocks"),
    ("{} of {} shocks", "{} chocs sur {}", "{} von {} Schocks"),
    (
        "{} of {} shocks that do not overlap",
        "{} chocs qui ne se chevauchent pas, sur {}",
        "{} von {} Schocks, die sich nicht überschneiden",
    ),
    ("{} of {} finished recoveries", "{} rattrapages achevés sur {}", "{} von {} abgeschlossenen Erholungen"),
    ("{} of {} windows of history", "{} fenêtres d’historique sur {}", "{} von {} Fenstern der Historie"),
    ("{} of {} ordinary days", "{} jours ordinaires sur {}", "{} von {} gewöhnlichen Tagen"),
    (
        "{} of {} past days like it",
        "{} jours passés comparables sur {}",
        "{} von {} vergleichbaren früheren Tagen",
    ),
    (
        "the regressors are linearly dependent",
        "les variables explicatives sont liées entre elles",
        "die erklärenden Größen sind linear abhängig",
    ),
    (
        "no firm has a valid return in the window",
        "aucune société n’a de rendement valable dans la fenêtre",
        "kein Unternehmen hat im Fenster eine gültige Rendite",
    ),
    (
        "no valid return in the event window",
        "aucun rendement valable dans la fenêtre de l’événement",
        "keine gültige Rendite im Ereignisfenster",
    ),
    (
        "the event lies outside the sample",
        "l’événement est hors de l’échantillon",
        "das Ereignis liegt außerhalb der Stichprobe",
    ),
    ("the series never falls", "la série ne baisse jamais", "die Reihe fällt nie"),
    ("too little history", "historique trop court", "zu kurze Historie"),
    ("too few results", "trop peu de résultats", "zu wenige Ergebnisse"),
    ("too few prices", "trop peu de cours", "zu wenige Kurse"),
    ("a price is missing", "un cours manque", "ein Kurs fehlt"),
    ("a quarter is missing", "un trimestre manque", "ein Quartal fehlt"),
    ("no amounts", "aucun montant", "keine Beträge"),
    ("no prices", "aucun cours", "keine Kurse"),
    ("no prices in the data", "aucun cours dans les données", "keine Kurse in den Daten"),
    (
        "no prices of any member in the data",
        "aucun cours d’un membre dans les données",
        "für kein Mitglied Kurse in den Daten",
    ),
    ("no value on {}-{}-{}", "aucune valeur au {}-{}-{}", "kein Wert am {}-{}-{}"),
    ("no value in the stretch", "aucune valeur dans l’intervalle", "kein Wert im Abschnitt"),
    (
        "no name has a value there",
        "aucune valeur mobilière n’a de valeur à cet endroit",
        "kein Titel hat dort einen Wert",
    ),
    ("no row has a value", "aucune ligne n’a de valeur", "keine Zeile hat einen Wert"),
    ("no session of the period", "aucune séance de la période", "kein Handelstag des Zeitraums"),
    ("no session since the event", "aucune séance depuis l’événement", "kein Handelstag seit dem Ereignis"),
    ("no sessions in the data", "aucune séance dans les données", "keine Handelstage in den Daten"),
    ("no date is covered", "aucune date n’est couverte", "kein Datum ist abgedeckt"),
    ("no result is covered", "aucun résultat n’est couvert", "kein Ergebnis ist abgedeckt"),
    (
        "no row of the source has a number there",
        "aucune ligne de la source n’a de nombre à cet endroit",
        "keine Zeile der Quelle hat dort eine Zahl",
    ),
    (
        "no share count filed before the event",
        "aucun nombre d’actions déposé avant l’événement",
        "keine vor dem Ereignis gemeldete Aktienzahl",
    ),
    ("the data begin later", "les données commencent plus tard", "die Daten beginnen später"),
    (
        "the date lies after the as-of date",
        "la date est postérieure à la date d’arrêté",
        "das Datum liegt nach dem Stichtag",
    ),
    (
        "the data folder holds no rows of the source",
        "le dossier de données n’a aucune ligne de la source",
        "der Datenordner enthält keine Zeilen der Quelle",
    ),
    (
        "the stretch ends before it begins",
        "l’intervalle finit avant de commencer",
        "der Abschnitt endet, bevor er beginnt",
    ),
    (
        "the first level is not positive",
        "le premier niveau n’est pas positif",
        "der erste Stand ist nicht positiv",
    ),
    (
        "the report is about no event",
        "le rapport ne porte sur aucun événement",
        "der Bericht handelt von keinem Ereignis",
    ),
    (
        "the exchange has not traded since the event",
        "la place n’a pas coté depuis l’événement",
        "die Börse hat seit dem Ereignis nicht gehandelt",
    ),
    (
        "the source has no quotes for this day",
        "la source n’a pas de cours cotés ce jour",
        "die Quelle hat für diesen Tag keine Notierungen",
    ),
    (
        "the rule addresses no company of the universe",
        "la règle ne vise aucune société de l’univers",
        "die Regel spricht kein Unternehmen des Universums an",
    ),
    (
        "what it is measured against does not vary",
        "la série de comparaison ne varie pas",
        "die Vergleichsreihe schwankt nicht",
    ),
    (
        "names of several currencies have no mean",
        "des valeurs en plusieurs monnaies n’ont pas de moyenne",
        "Titel in mehreren Währungen haben kein Mittel",
    ),
    (
        "not recovered by the as-of date",
        "pas encore rattrapé à la date d’arrêté",
        "bis zum Stichtag nicht aufgeholt",
    ),
    ("not in the issue before", "absent du numéro précédent", "nicht in der Ausgabe davor"),
    (
        "one of the two issues has no value",
        "l’un des deux numéros n’a pas de valeur",
        "eine der beiden Ausgaben hat keinen Wert",
    ),
    ("divided by zero", "division par zéro", "durch null geteilt"),
];

/// A reason in a language that has them here, its numbers as `{}`; none in another language.
pub(crate) fn translated(key: &str, language: &str) -> Option<&'static str> {
    let found = REASONS.iter().find(|(english, ..)| *english == key);
    match language.split('-').next() {
        Some("fr") => Some(found.map_or(UNNAMED.0, |(_, french, _)| french)),
        Some("de") => Some(found.map_or(UNNAMED.1, |(.., german)| german)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_number_and_no_reason_stands_twice() {
        for (at, (english, french, german)) in REASONS.iter().enumerate() {
            assert_eq!(english.matches("{}").count(), french.matches("{}").count(), "{english}");
            assert_eq!(english.matches("{}").count(), german.matches("{}").count(), "{english}");
            assert!(REASONS[..at].iter().all(|(earlier, ..)| earlier != english), "{english}");
        }
    }
}
