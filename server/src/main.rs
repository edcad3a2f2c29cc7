//! The server's binary: `firsthand serve | import FILE | labels FILE | add-admin | set-password | lock | unlock |
//! backup DIR | restore DIR | missing | openapi`.

use std::{
    future::IntoFuture,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use server::{
    App,
    backup::{self, Backup, Collecting},
    clock::Clock,
    commands::collect,
    config::{Settings, Storage},
    feed, files, live,
    rounds::{keeper, labels, sheet, usual},
    sites::{
        by_hand,
        import::{FirstPassword, add_admin, read, sentence},
    },
    telemetry,
};
use shared::ids::{PlaceCode, SiteCode};
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
    /// Writes sheets of the labels that hang at a site's checkpoints: a page of HTML that prints on A4, eight to a page.
    Labels {
        /// The file to be written.
        file: PathBuf,
        /// The site's code.
        #[arg(long)]
        site: String,
        /// The address by which people reach the server, such as `https://firsthand.example`: the labels link to it.
        #[arg(long, env = "FIRSTHAND_PUBLIC_URL")]
        public_url: String,
        /// Only the labels of these places.
        #[arg(long)]
        place: Vec<String>,
        /// Make a new label for each of these places first, because the old one is lost or was passed on.
        #[arg(long)]
        replace: Vec<String>,
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
    /// Makes a backup in a folder while the server runs, or brings the one that is there up to date.
    ///
    /// SQLite's database and the photos are copied. Of PostgreSQL the first call records the point; then dump the
    /// database into the folder (`pg_dump --format=custom --file=DIR/database.dump`), and call again, which copies the
    /// photos and tells the devices what is safe.
    Backup {
        /// The folder.
        folder: PathBuf,
        #[command(flatten)]
        storage: Storage,
    },
    /// Puts a backup back. Stop the server first; with PostgreSQL, put the dump back first (`pg_restore`).
    ///
    /// Devices push again what was lost, and send their photos again: for so long after the server's next start all that
    /// comes is collected, and then judged in its old order. `firsthand missing` names what has not come back.
    Restore {
        /// The folder of the backup.
        folder: PathBuf,
        /// For so many minutes after the server's next start commands are collected before they are judged.
        #[arg(long, default_value_t = 15)]
        collect_minutes: u32,
        #[command(flatten)]
        storage: Storage,
    },
    /// Names what has not come back since the last restore.
    Missing {
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

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli.command))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace: whoever called is told what to do about it, not where it was found.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. Whoever reads only the beginning of the output has seen enough, and is no failure.
fn print(line: &str) -> std::io::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
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
        Command::Labels { file, site, public_url, place, replace, storage } => {
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            let (site, places) = (SiteCode(site), |codes: Vec<String>| codes.into_iter().map(PlaceCode));
            labels::replace(&app, &site, &places(replace).collect()).await?;
            let places: Vec<PlaceCode> = places(place).collect();
            let page = sheet::sheets(&app, &site, &public_url, &places).await?;
            std::fs::write(&file, page).with_context(|| format!("{} cannot be written", file.display()))?;
            app.db.close().await;
            Ok(())
        }
        Command::AddAdmin { site, code, name, password_stdin, storage } => {
            let password = password_stdin.then(|| std::io::stdin().lines().next()).flatten().transpose()?;
            let given = password.is_some();
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            let password = add_admin(&app, &SiteCode(site), &code, &name, password).await?;
            if !given {
                print(&password)?;
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
                print(&password)?;
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
        Command::Backup { folder, storage } => make_backup(&folder, &storage).await,
        Command::Restore { folder, collect_minutes, storage } => {
            let collecting = Collecting { minutes: collect_minutes };
            let restored = backup::restore(&storage, &folder, collecting, Clock::System.now()).await?;
            if let Some(aside) = restored.replaced {
                print(&format!("the database that was there lies in {}", aside.display()))?;
            }
            if restored.without_bytes > 0 {
                print(&format!("{} photos are not in the backup", restored.without_bytes))?;
            }
            print("restored: start the server, and ask `firsthand missing` later")?;
            Ok(())
        }
        Command::Missing { storage } => {
            let app = App::open(&storage, Settings::default(), Clock::System).await?;
            print(backup::missing(&app).await?.trim_end())?;
            app.db.close().await;
            Ok(())
        }
        Command::Openapi => {
            print(&serde_json::to_string_pretty(&server::openapi())?)?;
            Ok(())
        }
    }
}

async fn make_backup(folder: &Path, storage: &Storage) -> anyhow::Result<()> {
    let app = App::open(storage, Settings::default(), Clock::System).await?;
    match backup::backup(&app, folder).await? {
        Backup::Complete { photos } => print(&format!("complete, with {photos} photos that were not there"))?,
        Backup::Recorded => {
            let dump = folder.join("database.dump");
            print(&format!(
                "the point is recorded. Now dump the database, and call this again:\n\
                 pg_dump --format=custom --file={} \"$DATABASE_URL\"",
                dump.display()
            ))?;
        }
    }
    app.db.close().await;
    Ok(())
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
        let password = &handed_out.password;
        print(&format!("{},{},{password}", quoted(&handed_out.code), quoted(&handed_out.name)))?;
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
    tokio::spawn(collect::keep_judged(app.clone()));
    tokio::spawn(files::expiry::keep_swept(app.clone()));
    tokio::spawn(keeper::keep(app.clone()));
    tokio::spawn(usual::keep_refreshed(app.clone()));
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
        served = async {
            served.into_future().await?;
            // Also for those who hung up meanwhile.
            app.lanes.drained().await;
            Ok::<_, std::io::Error>(())
        } => served?,
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
