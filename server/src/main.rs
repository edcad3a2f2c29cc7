//! The server's binary: `firsthand serve | import FILE | add-admin | set-password | lock | unlock | openapi`.

use std::{
    future::IntoFuture,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use server::{
    App,
    clock::Clock,
    config::{Settings, Storage},
    feed, live,
    sites::{
        by_hand,
        import::{FirstPassword, add_admin, read, sentence},
    },
    telemetry,
};
use shared::ids::SiteCode;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests in progress may take when the server stops. What one of them did not acknowledge is sent again.
const STOPPING: Duration = Duration::from_secs(10);

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
    /// Imports a property, or what has changed in its file. Prints nothing but the passwords it made.
    Import {
        /// The property's file, JSON.
        file: PathBuf,
        /// Everybody who has no password yet gets this one. For a demo.
        #[arg(long, conflicts_with = "print_passwords")]
        demo_password: Option<String>,
        /// Everybody who has no password yet gets a random one; all are printed as CSV: code, name, password.
        #[arg(long)]
        print_passwords: bool,
        #[command(flatten)]
        storage: Storage,
    },
    /// Creates the account of an administrator of a site, or gives it a new password.
    AddAdmin {
        /// The site's code.
        #[arg(long)]
        site: String,
        /// The code to sign in with.
        #[arg(long)]
        code: String,
        /// The name that is shown.
        #[arg(long)]
        name: String,
        /// Read the password from the first line of the standard input; otherwise one is made and printed.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        storage: Storage,
    },
    /// Gives somebody a new password, and signs them out everywhere.
    SetPassword {
        #[command(flatten)]
        person: Person,
        /// Read the password from the first line of the standard input; otherwise one is made and printed.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        storage: Storage,
    },
    /// Signs somebody out everywhere and lets them in no more, until they are unlocked. What they had made before goes to
    /// the quarantine.
    Lock {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        storage: Storage,
    },
    /// Lets somebody in again, at every site whose file names them.
    Unlock {
        #[command(flatten)]
        person: Person,
        #[command(flatten)]
        storage: Storage,
    },
    /// Prints the description of the interface as OpenAPI JSON.
    Openapi,
}

/// Who at a site.
#[derive(Args)]
struct Person {
    /// The site's code.
    #[arg(long)]
    site: String,
    /// The person's staff code.
    #[arg(long)]
    code: String,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(cli.command))
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve { storage, settings } => serve(storage, settings).await,
        Command::Import { file, demo_password, print_passwords, storage } => {
            let first = match (demo_password, print_passwords) {
                (Some(password), _) => FirstPassword::Same(password),
                (None, true) => FirstPassword::Random,
                (None, false) => FirstPassword::None,
            };
            import(&file, first, &storage).await
        }
        Command::AddAdmin { site, code, name, password_stdin, storage } => {
            let password = password_stdin.then(|| std::io::stdin().lines().next()).flatten().transpose()?;
            let given = password.is_some();
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            let password = add_admin(&app, &SiteCode(site), &code, &name, password).await?;
            if !given {
                println!("{password}");
            }
            app.db.close().await;
            Ok(())
        }
        Command::SetPassword { person, password_stdin, storage } => {
            let given = password_stdin.then(|| std::io::stdin().lines().next()).flatten().transpose()?;
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            let site = SiteCode(person.site);
            let password = by_hand::set_password(&app, &site, &person.code, given.clone()).await?;
            if given.is_none() {
                println!("{password}");
            }
            app.db.close().await;
            Ok(())
        }
        Command::Lock { person, storage } => {
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            by_hand::lock(&app, &SiteCode(person.site), &person.code).await?;
            app.db.close().await;
            Ok(())
        }
        Command::Unlock { person, storage } => {
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            by_hand::unlock(&app, &SiteCode(person.site), &person.code).await?;
            app.db.close().await;
            Ok(())
        }
        Command::Openapi => {
            println!("{}", serde_json::to_string_pretty(&server::openapi())?);
            Ok(())
        }
    }
}

async fn import(file: &Path, first: FirstPassword, storage: &Storage) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let plan = match read(&text) {
        Ok(plan) => plan,
        Err(wrong) => {
            for rejection in &wrong {
                eprintln!("{}", sentence(rejection));
            }
            bail!("{} is not imported: nothing was written", file.display());
        }
    };
    let app = App::open(storage, Settings::default(), Clock::System).await?;
    for handed_out in server::sites::import::import(&app, &plan, first).await? {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        println!("{},{},{}", quoted(&handed_out.code), quoted(&handed_out.name), handed_out.password);
    }
    app.db.close().await;
    Ok(())
}

async fn serve(storage: Storage, settings: Settings) -> anyhow::Result<()> {
    telemetry::start_log(settings.log_format)?;
    let address = settings.listen;
    let app = App::open(&storage, settings, Clock::System).await?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    tokio::spawn(feed::archive::keep_swept(app.clone()));
    tokio::spawn(live::across::keep_in_touch(app.clone()));
    let stop = app.clone();
    let service = server::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        asked_to_stop().await;
        tracing::info!("stopping");
        stop.stopping.send_replace(true);
    });
    let mut stopping = app.stopping.subscribe();
    let patience = async {
        // The sender lives as long as the app does.
        let _ = stopping.wait_for(|stopping| *stopping).await.map(drop);
        tokio::time::sleep(STOPPING).await;
    };
    tokio::select! {
        served = served.into_future() => served?,
        () = patience => tracing::warn!("requests that take too long are cut off"),
    }
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
