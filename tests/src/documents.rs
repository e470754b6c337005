//! Real documents: the samples that the repository carries.

use std::path::PathBuf;

use serde_json::Value;

use crate::binary::repository;

/// A sample resource.
#[derive(Clone, Debug)]
pub struct Document {
    pub title: String,
    pub files: Vec<PathBuf>,
    /// The arguments that describe it to `kapok add`.
    pub arguments: Vec<String>,
}

/// Folder of the samples.
#[must_use]
pub fn samples() -> PathBuf {
    repository().join("scripts/samples")
}

/// All sample resources, those whose title is in `first` at the front.
///
/// # Panics
/// If the samples' list cannot be read.
#[must_use]
pub fn documents() -> Vec<Document> {
    let text = std::fs::read_to_string(samples().join("samples.json")).unwrap();
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    list.iter().map(document).collect()
}

fn document(described: &Value) -> Document {
    let files = described["files"].as_array().unwrap();
    let mut arguments = Vec::new();
    for field in ["title", "subject", "stage", "kind", "description", "license", "visibility"] {
        arguments.extend([format!("--{field}"), described[field].as_str().unwrap().to_owned()]);
    }
    if let Some(grade) = described["grade"].as_u64() {
        arguments.extend(["--grade".into(), grade.to_string()]);
    }
    let keywords: Vec<&str> = described["keywords"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    arguments.extend(["--keywords".into(), keywords.join(",")]);
    if files.len() > 1 {
        arguments.push("--together".into());
    }
    Document {
        title: described["title"].as_str().unwrap().to_owned(),
        files: files.iter().map(|name| samples().join("files").join(name.as_str().unwrap())).collect(),
        arguments,
    }
}
