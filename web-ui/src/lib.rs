//! kapok-web-ui
