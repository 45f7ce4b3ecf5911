//! Parquet files, in the data folder or in an object store. Refuses what has no valid footer.
//!
//! Of an object store only the footers and the needed parts of files are read; its secrets reach no message. A local
//! file with types that the data frames do not know, such as decimals, is decoded here, every digit kept.

use super::{Source, Wanted};
use crate::cells;
use anyhow::{Context, Result};
use polars::prelude::{
    ArrowField, ArrowSchema, CloudScheme, Column, DataFrame, IntoLazy, LazyFrame, PlRefPath, ScanArgsParquet,
    Series, cloud::CloudOptions,
};
use polars_arrow::{
    array::{Array, PrimitiveArray},
    datatypes::ArrowDataType,
    types::i256,
};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, PageReader, column_iter_to_arrays, infer_schema, read_metadata,
};
use shockbrief_core::{
    Refusal,
    config::{KeySource, Remote, SourceSpec},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// Parquet, any compression.
pub(super) struct Parquet;

impl Source for Parquet {
    fn format(&self) -> &'static str {
        "parquet"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        let (metadata, schema) = footer(path)?;
        if schema.iter_values().any(|field| !known(&field.dtype)) {
            return Ok(decoded(path, &metadata, &schema)?.lazy());
        }
        let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
        Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)?)
    }

    fn scan_known(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
        let Some(scheme) = wanted.spec.scheme() else { return self.scan(path) };
        let cloud_options = Some(options(wanted.spec, scheme)?);
        let args = ScanArgsParquet { glob: true, cloud_options, ..ScanArgsParquet::default() };
        Ok(LazyFrame::scan_parquet(PlRefPath::new(&wanted.spec.glob), args)?)
    }
}

/// What a local file holds, by its footer.
fn footer(path: &Path) -> Result<(FileMetadata, ArrowSchema)> {
    let metadata = read_metadata(&mut fs_err::File::open(path)?)?;
    let mut seen = BTreeSet::new();
    let fields = metadata.schema().fields().iter();
    if let Some(name) = fields.map(|field| field.name()).find(|name| !seen.insert(*name)) {
        return Err(super::twice(&path.display().to_string(), name).into());
    }
    let schema = infer_schema(&metadata)?;
    Ok((metadata, schema))
}

/// Columns of a local file that hold neither numbers, dates nor text, with their types.
///
/// # Errors
/// When the file has no valid footer.
pub(crate) fn foreign(path: &Path) -> Result<BTreeMap<String, String>> {
    let (_, schema) = footer(path)?;
    let foreign = schema.iter_values().filter(|field| !known(&field.dtype) && scale(&field.dtype).is_none());
    Ok(foreign.map(|field| (field.name.to_string(), format!("{:?}", field.dtype))).collect())
}

/// Whether the data frames know a type.
fn known(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as A;
    match dtype {
        A::Null
        | A::Boolean
        | A::Int8
        | A::Int16
        | A::Int32
        | A::Int64
        | A::UInt8
        | A::UInt16
        | A::UInt32
        | A::UInt64
        | A::Float32
        | A::Float64
        | A::Timestamp(..)
        | A::Date32
        | A::Date64
        | A::Time32(_)
        | A::Time64(_)
        | A::Duration(_)
        | A::Binary
        | A::LargeBinary
        | A::BinaryView
        | A::Utf8
        | A::LargeUtf8
        | A::Utf8View => true,
        A::List(inner) | A::LargeList(inner) => known(&inner.dtype),
        A::Struct(fields) => fields.iter().all(|field| known(&field.dtype)),
        A::Dictionary(_, values, _) => matches!(**values, A::Utf8 | A::LargeUtf8 | A::Utf8View),
        _ => false,
    }
}

/// Digits behind the point of a type of decimals.
fn scale(dtype: &ArrowDataType) -> Option<usize> {
    use ArrowDataType as A;
    match dtype {
        A::Decimal(_, scale) | A::Decimal32(_, scale) | A::Decimal64(_, scale) | A::Decimal256(_, scale) => {
            Some(*scale)
        }
        _ => None,
    }
}

/// All columns that can be read, decimals as text with every digit.
fn decoded(path: &Path, metadata: &FileMetadata, schema: &ArrowSchema) -> Result<DataFrame> {
    let mut columns = Vec::new();
    for field in schema.iter_values() {
        let arrays = match (scale(&field.dtype), known(&field.dtype)) {
            (None, false) => continue,
            _ => arrays(path, metadata, field).with_context(|| format!("column `{}`", field.name))?,
        };
        columns.push(match scale(&field.dtype) {
            None => Column::from(Series::try_from((field, arrays))?),
            Some(scale) => {
                let texts: Result<Vec<_>> =
                    arrays.iter().map(|array| decimals(array.as_ref(), scale)).collect();
                Column::new(field.name.clone(), texts?.concat())
            }
        });
    }
    Ok(DataFrame::new_infer_height(columns)?)
}

/// The arrays of a column, one or more for each row group.
fn arrays(path: &Path, metadata: &FileMetadata, field: &ArrowField) -> Result<Vec<Box<dyn Array>>> {
    let mut file = fs_err::File::open(path)?;
    let length = file.metadata()?.len();
    let mut all = Vec::new();
    for group in &metadata.row_groups {
        let chunks = group.columns_under_root_iter(&field.name).context("a row group without the column")?;
        let (mut pages, mut types) = (Vec::new(), Vec::new());
        for chunk in chunks {
            let range = chunk.byte_range();
            anyhow::ensure!(
                range.start <= range.end && range.end <= length,
                "its footer points outside the file"
            );
            let mut bytes = vec![0; usize::try_from(range.end - range.start)?];
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut bytes)?;
            let reader = PageReader::new(Cursor::new(bytes.into()), chunk, Vec::new(), usize::MAX);
            pages.push(BasicDecompressor::new(reader, Vec::new()));
            types.push(&chunk.descriptor().descriptor.primitive_type);
        }
        all.extend(column_iter_to_arrays(pages, types, field.clone(), None)?.0);
    }
    Ok(all)
}

fn decimals(array: &dyn Array, scale: usize) -> Result<Vec<Option<String>>> {
    let text = |digits: String| cells::pointed(&digits, scale);
    let any = array.as_any();
    if let Some(values) = any.downcast_ref::<PrimitiveArray<i128>>() {
        return Ok(values.iter().map(|value| value.map(|value| text(value.to_string()))).collect());
    }
    let values = any.downcast_ref::<PrimitiveArray<i256>>().context("decimals of an unknown width")?;
    Ok(values.iter().map(|value| value.map(|value| text(value.to_string()))).collect())
}
/// How the object store is reached.
fn options(spec: &SourceSpec, scheme: &str) -> Result<CloudOptions> {
    let Remote { endpoint, region, key_id, key } = spec.remote.clone().unwrap_or_default();
    let (key_id, key) = (secret(spec, key_id.as_ref())?, secret(spec, key.as_ref())?);
    let names = match scheme {
        "s3" => [
            ("aws_endpoint_url", endpoint),
            ("aws_region", region),
            ("aws_access_key_id", key_id),
            ("aws_secret_access_key", key),
        ],
        "gs" => {
            [("google_base_url", endpoint), ("google_service_account_key", key), ("", region), ("", key_id)]
        }
        _ => [
            ("azure_storage_endpoint", endpoint),
            ("azure_storage_account_name", key_id),
            ("azure_storage_account_key", key),
            ("", region),
        ],
    };
    let set = names.into_iter().filter_map(|(name, value)| Some((name, value?)));
    CloudOptions::from_untyped_config(CloudScheme::from_path(&spec.glob), set).map_err(|_| {
        Refusal::config(format!("source `{}`: this build does not reach {scheme}://", spec.id))
            .hint("build with `cargo build --release --workspace --features shockbrief-cli/google,shockbrief-cli/azure`")
            .into()
    })
}

fn secret(spec: &SourceSpec, place: Option<&KeySource>) -> Result<Option<String>, Refusal> {
    let Some(place) = place else { return Ok(None) };
    let (secret, place) = place.read();
    secret.map(Some).ok_or_else(|| {
        Refusal::config(format!("source `{}`: no credential in {place}", spec.id)).hint("put it there")
    })
}
