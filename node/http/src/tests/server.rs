//! Real sockets: one request, a slow one, and the stop.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::fake::Fake;
use super::site::TOKEN;
use crate::{ServeError, ServerConfig, serve};

#[tokio::test]
async fn the_server_answers_on_both_listeners_and_stops_when_told() {
    let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut listeners = vec![one];
    // A machine without IPv6 is served on IPv4 alone.
    if let Ok(other) = TcpListener::bind("[::1]:0").await {
        listeners.push(other);
    }
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ServerConfig { token: TOKEN.into(), ..ServerConfig::default() };
    let server = tokio::spawn(serve(listeners, Arc::new(Fake::new()), config, async {
        let _ = stopped.await;
    }));
    for address in addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /api/v1/status HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("12D3KooWHere"), "{answer}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_an_address_there_is_no_server() {
    let started = serve(Vec::new(), Arc::new(Fake::new()), ServerConfig::default(), async {}).await;
    assert!(matches!(started, Err(ServeError::NoListener)));
}
