//! Copies into a folder, such as a share that others mount.

use crate::Package;
use anyhow::Result;
use shockbrief_core::fs::{sha256_file, write_atomic};
use std::path::Path;

/// Copies every published file that is not there with the same content; the manifest last, so that whoever sees it
/// finds the files whole.
pub fn copy(root: &Path, package: &Package<'_>) -> Result<()> {
    let target = root.join(&package.manifest.report).join(&package.manifest.period);
    for (name, digest) in &package.manifest.outputs {
        let to = target.join(name);
        let same = to.is_file() && sha256_file(&to)? == *digest;
        if !same {
            write_atomic(&to, &fs_err::read(package.folder.join(name))?)?;
        }
    }
    write_atomic(&target.join("manifest.json"), &fs_err::read(package.folder.join("manifest.json"))?)
}
