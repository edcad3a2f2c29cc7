//! The server's binary: `firsthand serve | import FILE | add-admin | openapi`.

use std::net::SocketAddr;

use anyhow::Context;
use clap::{Parser, Subcommand};
use server::{
    App,
    clock::Clock,
    config::{Settings, Storage},
    telemetry,
};
use tokio::signal::unix::{SignalKind, signal};

/// Problems reported first hand: the server.
#[derive(Parser)]
#[command(name = "firsthand", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the app and its interface.
    Serve {
        #[command(flatten)]
        storage: Storage,
        #[command(flatten)]
        settings: Settings,
    },
    /// Prints the description of the interface as OpenAPI JSON.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(cli.command))
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { storage, settings } => serve(storage, settings).await,
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&server::openapi())?);
            Ok(())
        }
    }
}

async fn serve(storage: Storage, settings: Settings) -> anyhow::Result<()> {
    telemetry::start_log(settings.log_format)?;
    telemetry::figures()?;
    let address = settings.listen;
    let app = App::open(&storage, settings, Clock::System).await?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let stop = app.clone();
    let service = server::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            asked_to_stop().await;
            tracing::info!("stopping");
            stop.stopping.send_replace(true);
        })
        .await?;
    app.db.close().await;
    Ok(())
}

/// Ends on an interrupt from the terminal or a request to terminate.
async fn asked_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "termination cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
