//! Gives the program a digest of the code that trials are made by, so that what was kept by other code is never used.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script speaks to cargo on its output"
)]

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Crates whose code decides what a trial gives.
const CRATES: [&str; 4] = ["core", "data", "analytics", "sections"];

/// Offset and prime of FNV-1a in 128 bits (Fowler, Noll, Vo).
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn main() -> io::Result<()> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = vec![here.join("../../Cargo.lock")];
    for name in CRATES {
        walk(&here.join(format!("../shockbrief-{name}/src")), &mut files)?;
    }
    files.sort();
    let mut digest = OFFSET;
    for file in files.iter().filter(|file| file.is_file()) {
        println!("cargo::rerun-if-changed={}", file.display());
        for byte in fs::read(file)? {
            digest = (digest ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    println!("cargo::rustc-env=SHOCKBRIEF_CODE={digest:032x}");
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
