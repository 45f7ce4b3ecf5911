//! Copies into a folder, such as a share that others mount.

use crate::Package;
use anyhow::Result;
use shockbrief_core::{
    fs::{sha256_file, write_atomic},
    names::refuse_links,
};
use std::path::Path;

/// Copies every published file that is not there with the same content. Whoever may write there must not choose by a
/// link where else the files go.
pub fn copy(root: &Path, package: &Package) -> Result<()> {
    let manifest = package.manifest();
    let place = format!("{}/{}", manifest.report, manifest.period);
    for (name, bytes) in package.files() {
        let inside = format!("{place}/{name}");
        refuse_links(root, &inside)?;
        let to = root.join(inside);
        let digest = manifest.outputs.get(name);
        let same = digest.is_some() && to.is_file() && Some(&sha256_file(&to)?) == digest;
        if !same {
            write_atomic(&to, bytes)?;
        }
    }
    Ok(())
}
