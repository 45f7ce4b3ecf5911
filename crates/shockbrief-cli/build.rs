//! Puts the house's configuration into the program: `house.rs` of the output folder lists its files with their texts.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script speaks to cargo on its output"
)]

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let house = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../config");
    let mut files = Vec::new();
    walk(&house, &mut files)?;
    files.sort();
    let mut code = String::from("pub static HOUSE: &[shockbrief_core::house::File] = &[\n");
    for file in files {
        let name = file.strip_prefix(&house).unwrap_or(&file).display().to_string();
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", file.display().to_string());
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap_or_default()).join("house.rs");
    fs::write(out, code)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            walk(&path, files)?;
        } else if matches!(ending, Some("yaml" | "j2")) {
            files.push(path);
        }
    }
    Ok(())
}
