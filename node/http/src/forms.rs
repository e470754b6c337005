//! `application/x-www-form-urlencoded`, in bodies and in addresses.

/// Pairs in their order; what is not UTF-8 is replaced.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The first value of a field.
pub(crate) fn field(text: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(text).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
