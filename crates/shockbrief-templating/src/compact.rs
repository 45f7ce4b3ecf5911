//! A smaller PDF with the same content.
//!
//! Typst writes every object for itself; in a tagged document the thousands of structure elements take more
//! room than pages and fonts together. PDF 1.7, on which PDF/A-3 and PDF/UA-1 build, lets objects that are no
//! streams lie in compressed object streams (ISO 32000-1, 7.5.7).

use anyhow::{Context as _, Result};
use lopdf::{Document, SaveOptions};

/// Objects in one compressed stream.
const PER_STREAM: usize = 200;

/// Packs the objects of a PDF; streams stay as they are.
///
/// # Errors
/// Bytes that are no PDF.
pub fn compact(pdf: &[u8]) -> Result<Vec<u8>> {
    let mut document = Document::load_mem(pdf).context("reading the PDF back")?;
    let options = SaveOptions::builder()
        .use_object_streams(true)
        .use_xref_streams(true)
        .max_objects_per_stream(PER_STREAM)
        .compression_level(9)
        .build();
    let mut packed = Vec::with_capacity(pdf.len() / 2);
    document.save_with_options(&mut packed, options).context("packing the PDF")?;
    Ok(packed)
}
