//! Waiting to be told to stop.

/// Returns when the process is asked to end: Ctrl-C, or SIGTERM from a service manager.
pub(super) async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can ask then; the process ends when it is killed, which it survives.
        std::future::pending::<()>().await;
    }
}
