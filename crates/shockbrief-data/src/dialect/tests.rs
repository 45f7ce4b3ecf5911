//! Properties of whole files.
