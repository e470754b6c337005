//! The congestion controller: the one place where it is chosen.

use std::sync::Arc;

use quinn::congestion::{ControllerFactory, CubicConfig};

/// The controller of every QUIC connection of this node, dialled or accepted.
pub(super) fn controller() -> Arc<dyn ControllerFactory + Send + Sync> {
    Arc::new(CubicConfig::default())
}
