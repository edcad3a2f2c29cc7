//! A line between a device and the server that counts what goes over it, and may be as slow as a mobile network.
//!
//! Each direction hands bytes on not before they would have fitted through a line of its rate, and half a round trip
//! later. Opening a connection takes a round trip more, as TCP's handshake does. Loss is not emulated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

use crate::figures::now;

/// How slow a line is.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// A round trip.
    pub round_trip: Duration,
    /// Bytes per second, each way.
    pub rate: f64,
}

/// 4G as WebPageTest emulates it: 9 Mbit/s each way, 170 ms a round trip.
pub const FOUR_G: Line = Line { round_trip: Duration::from_millis(170), rate: 9e6 / 8.0 };
/// No slower than this machine.
pub const AT_ONCE: Line = Line { round_trip: Duration::ZERO, rate: f64::INFINITY };

/// A line that is open as long as this value lives.
#[derive(Debug)]
pub struct Relay {
    /// Where it begins: `http://127.0.0.1:PORT`.
    pub url: String,
    bytes: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A line to a server.
    pub async fn to(url: &str, line: Line) -> anyhow::Result<Relay> {
        let server = url.strip_prefix("http://").context("an address begins with http://")?.to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        let task = tokio::spawn(async move {
            while let Ok((device, _)) = listener.accept().await {
                tokio::spawn(connect(device, server.clone(), line, Arc::clone(&counted)));
            }
        });
        Ok(Relay { url, bytes, task })
    }

    /// The bytes that have gone over it, both ways, without what TCP adds.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(device: TcpStream, server: String, line: Line, bytes: Arc<AtomicU64>) {
    tokio::time::sleep(line.round_trip).await;
    let Ok(server) = TcpStream::connect(server).await else { return };
    device.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (from_device, to_device) = device.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        carry(from_device, to_server, line, Arc::clone(&bytes)),
        carry(from_server, to_device, line, bytes)
    );
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: Line,
    bytes: Arc<AtomicU64>,
) {
    let (sender, mut receiver) = mpsc::channel::<(Vec<u8>, std::time::Instant)>(256);
    let read = async move {
        let mut free = now();
        loop {
            let mut piece = vec![0; 8 * 1_024];
            let Ok(length @ 1..) = from.read(&mut piece).await else { return };
            piece.truncate(length);
            bytes.fetch_add(length as u64, Ordering::Relaxed);
            free = free.max(now()) + Duration::from_secs_f64(length as f64 / line.rate);
            if sender.send((piece, free + line.round_trip / 2)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((piece, due)) = receiver.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        to.shutdown().await.ok();
    };
    tokio::join!(read, write);
}
