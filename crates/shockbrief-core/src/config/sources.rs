//! `config/sources.yaml`: where data comes from.
