//! Shards: every brief belongs to exactly one of N, by its name alone.

use anyhow::Result;
use shockbrief_core::{Refusal, fs::sha256};
use std::{fmt, str::FromStr};

/// One of several parts of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one, counted from 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// Whether a brief belongs to this shard: the digest of its name decides, whatever else there is.
    #[must_use]
    pub fn holds(self, brief: &str) -> bool {
        let digits: String = sha256(brief.as_bytes()).chars().take(16).collect();
        let digest = u64::from_str_radix(&digits, 16).unwrap_or_default();
        digest % u64::from(self.of) == u64::from(self.index - 1)
    }

    /// The shard that a job array's environment names: Slurm's task, or Kubernetes' completion index with the
    /// number of completions in `SHOCKBRIEF_SHARDS`.
    ///
    /// # Errors
    /// Variables that are no numbers, or an index without count.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let number = |name: &str| -> Result<Option<u32>> {
            variable(name)
                .map(|text| text.trim().parse::<u32>().map_err(|_| not_a_number(name, &text).into()))
                .transpose()
        };
        if let (Some(id), Some(of)) = (number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?) {
            // Arrays may begin anywhere and step by more than one.
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(1);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            return Self::new(id.saturating_sub(first) / step + 1, of).map(Some);
        }
        match (number("JOB_COMPLETION_INDEX")?, number("SHOCKBRIEF_SHARDS")?) {
            (Some(index), Some(of)) => Self::new(index + 1, of).map(Some),
            (Some(_), None) => Err(Refusal::config("JOB_COMPLETION_INDEX is set, SHOCKBRIEF_SHARDS is not")
                .hint("set SHOCKBRIEF_SHARDS to the job's number of completions")
                .into()),
            (None, _) => Ok(None),
        }
    }

    fn new(index: u32, of: u32) -> Result<Self> {
        if (1..=of).contains(&index) {
            return Ok(Self { index, of });
        }
        Err(Refusal::config(format!("shard {index} of {of}")).hint("write I/N with I from 1 to N").into())
    }
}

fn not_a_number(name: &str, text: &str) -> Refusal {
    Refusal::config(format!("{name} is `{text}`, not a number"))
        .hint("unset it, or name the shard with --shard I/N")
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, of) = parts.ok_or_else(|| {
            Refusal::config(format!("`{text}` names no shard")).hint("write I/N, such as 2/8")
        })?;
        Self::new(index, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn environments_name_shards() {
        let of = |pairs: &[(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
            Shard::from_environment(get).map(|shard| shard.map(|shard| shard.to_string()))
        };
        assert_eq!(of(&[]).unwrap(), None);
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "4"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
            ("SLURM_ARRAY_TASK_MIN", "0"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
        ];
        assert_eq!(of(&slurm).unwrap().unwrap(), "3/3");
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "0"), ("SHOCKBRIEF_SHARDS", "2")]).unwrap().unwrap(), "1/2");
        assert!(of(&[("JOB_COMPLETION_INDEX", "0")]).is_err());
        assert!(of(&[("JOB_COMPLETION_INDEX", "2"), ("SHOCKBRIEF_SHARDS", "2")]).is_err());
        assert!(
            "0/3".parse::<Shard>().is_err()
                && "4/3".parse::<Shard>().is_err()
                && "x".parse::<Shard>().is_err()
        );
    }

    proptest! {
        #[test]
        fn every_brief_has_one_shard(name in "[a-z0-9-]{1,30}", of in 1_u32..50) {
            prop_assert_eq!((1..=of).filter(|index| Shard { index: *index, of }.holds(&name)).count(), 1);
        }
    }
}
