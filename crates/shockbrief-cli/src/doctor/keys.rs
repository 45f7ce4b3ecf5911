//! Keys that targets and providers want: whether they are there, and who else could read them. Never what they are.

use super::Line;
use crate::args::Doctor;
use fs_err as fs;
use shockbrief_core::config::{Delivery, DeliveryTarget, Fetch, KeySource, Report};
use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, path::Path};

/// Looks at the keys of all targets in use, of the monitor, and of all providers.
pub fn look(args: &Doctor, reports: &[Report], delivery: &Delivery) -> Vec<Line> {
    let mut lines = Vec::new();
    let known = variables(args, &mut lines);
    let used: BTreeSet<&String> = reports.iter().flat_map(|report| &report.deliver).collect();
    for name in used {
        match delivery.targets.get(name) {
            None => lines.push(Line::error(
                "target",
                format!("`{name}` is declared nowhere"),
                "declare it under `targets:` in config/delivery.yaml, or take it out of the report's `deliver:`",
            )),
            Some(DeliveryTarget::Folder { folder, .. }) => lines.push(target_folder(name, folder)),
            Some(target) => lines.extend(places(target).into_iter().map(|place| key(name, place, &known))),
        }
    }
    lines.extend(delivery.ping.iter().map(|place| key("ping", place, &known)));
    let fetch = args.config.join("fetch.yaml");
    if reports.iter().any(|report| report.schedule.fetch.is_some()) && fetch.is_file() {
        match Fetch::load(&fetch) {
            Err(error) => lines.push(Line::failure("fetch", &error)),
            Ok(fetch) => {
                let asked: BTreeSet<&String> = fetch.order.values().flatten().collect();
                let wanting = fetch.providers.iter().filter(|provider| asked.contains(&provider.id));
                let keys = wanting.filter_map(|provider| Some((&provider.id, provider.key.as_ref()?)));
                lines.extend(keys.map(|(id, place)| key(id, place, &known)));
            }
        }
    }
    lines
}

fn places(target: &DeliveryTarget) -> Vec<&KeySource> {
    match target {
        DeliveryTarget::Folder { .. } => Vec::new(),
        DeliveryTarget::Webhook { token, .. } => token.iter().collect(),
        DeliveryTarget::Bucket { key_id, key, .. } => vec![key_id, key],
        DeliveryTarget::Mail(mail) => mail.user.iter().chain(&mail.password).collect(),
    }
}

/// The names of the variables that a scheduled run will have; none where this one's own count.
fn variables(args: &Doctor, lines: &mut Vec<Line>) -> Option<BTreeSet<String>> {
    let Some(path) = &args.env_file else { return args.as_cron.then(BTreeSet::new) };
    let text = match shockbrief_core::fs::read_text(path) {
        Ok(text) => text,
        Err(error) => {
            lines.push(Line::failure("keys", &error));
            return Some(BTreeSet::new());
        }
    };
    lines.push(private("keys", path, "the file of variables"));
    let assigned = |line: &str| {
        let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
        (!name.starts_with('#') && !value.trim().is_empty()).then(|| name.trim().to_owned())
    };
    Some(text.lines().filter_map(assigned).collect())
}

fn key(owner: &str, place: &KeySource, known: &Option<BTreeSet<String>>) -> Line {
    match (place, known) {
        (KeySource::Env(name), Some(known)) if known.contains(name) => {
            Line::ok("keys", format!("{owner}: {name} stands in the file of variables"))
        }
        (KeySource::Env(name), Some(_)) => Line::error(
            "keys",
            format!("{owner}: a scheduled run has no variable {name}"),
            "write it into a file that `schedule --env-file` names, or let the config name a file: `key: {file: …}`",
        ),
        (KeySource::File(path), _) if place.read().0.is_some() => private("keys", path, owner),
        (_, None) if place.read().0.is_some() => {
            Line::ok("keys", format!("{owner}: {} holds one", place.read().1))
        }
        _ => Line::error("keys", format!("{owner}: {} holds none", place.read().1), "put the key there"),
    }
}

/// A file with a secret is its owner's alone.
fn private(about: &'static str, path: &Path, owner: &str) -> Line {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            Line::warning(about, format!("{owner}: others can read {shown}"), format!("chmod 600 {shown}"))
        }
        Ok(_) => Line::ok(about, format!("{owner}: {shown} is there, for its owner alone")),
        Err(error) => Line::failure(about, &error.into()),
    }
}

/// A folder that briefs are copied to; it is made when it is missing, if it can be.
fn target_folder(name: &str, folder: &Path) -> Line {
    let there = folder.ancestors().find(|place| place.exists()).unwrap_or_else(|| Path::new("/"));
    match super::places::writable(there) {
        Ok(()) => Line::ok("target", format!("`{name}`: {} can be written", folder.display())),
        Err(error) => Line::failure("target", &error.context(format!("`{name}`: {}", folder.display()))),
    }
}
