//! `cargo xtask run`: the whole of Firsthand on this machine, with the demo property.
//!
//! SQLite and a local folder, nothing to configure. The demo is imported once into a data folder; delete the
//! folder to begin afresh.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process::{call, program};
use crate::{build, site, workspace};

/// The password of everybody in the demo.
const DEMO_PASSWORD: &str = "firsthand-demo";

/// The properties of the demo; sign-ins are printed for the first.
const DEMO_SITES: [&str; 2] = ["demo/site-jinzhou.json", "demo/site-wanjing.json"];

#[derive(clap::Args)]
pub struct Options {
    /// The port on this machine.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder for the database and the photos.
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

pub fn run(options: &Options) -> Result<()> {
    let site = site::ensure()?;
    let server = build::server()?;
    let data = workspace::path(&options.data);
    import_demo(&server, &data)?;

    let address = format!("127.0.0.1:{}", options.port);
    if TcpStream::connect(&address).is_ok() {
        bail!("port {} is in use already; choose another with --port", options.port);
    }
    let mut serve = program(&server);
    serve
        .arg("serve")
        .args(["--listen", &address])
        .arg("--data")
        .arg(&data)
        .arg("--site-dir")
        .arg(&site.folder);
    let mut child = serve.spawn().with_context(|| format!("{} does not start", server.display()))?;
    wait_until_listening(&mut child, &address)?;
    println!("{}", welcome(options.port)?);

    // An interrupt from the terminal reaches the server too, which then ends by itself.
    let status = child.wait()?;
    if !status.success() {
        bail!("the server ended: {status}");
    }
    Ok(())
}

/// Loads the demo into a data folder that does not have it yet.
fn import_demo(server: &Path, data: &Path) -> Result<()> {
    let done = data.join("demo-imported");
    if done.exists() {
        return Ok(());
    }
    fs::create_dir_all(data).with_context(|| format!("{} cannot be made", data.display()))?;
    for site in DEMO_SITES {
        let mut import = program(server);
        import.arg("import").arg(workspace::path(site)).arg("--data").arg(data);
        call(import.args(["--demo-password", DEMO_PASSWORD]))?;
    }
    fs::write(&done, "").with_context(|| format!("{} cannot be written", done.display()))
}

fn wait_until_listening(child: &mut Child, address: &str) -> Result<()> {
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("the server ended before it listened: {status}");
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The part of a site's file that says who works there.
#[derive(Deserialize)]
struct DemoSite {
    name: String,
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    code: String,
    name: String,
    phone: String,
    post: String,
    roles: Vec<String>,
    /// Of the control room, which sees more than the other guards do.
    #[serde(default)]
    monitoring_room: bool,
}

/// Where it runs, and whom one can be.
fn welcome(port: u16) -> Result<String> {
    let path = workspace::path(DEMO_SITES[0]);
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let site: DemoSite =
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let rows: String = one_per_role(&site.people)
        .into_iter()
        .map(|(role, Person { code, name, phone, post, .. })| {
            format!("\n    {role:<12}{code:<8}{phone:<14}{name} ({post})")
        })
        .collect();
    Ok(format!(
        "\n首问 Firsthand: http://localhost:{port}\n\n\
         演示项目 Demo property: {}\n\
         用工号或手机号登录，密码都是 / sign in by code or telephone number, the password is always: \
         {DEMO_PASSWORD}\n{rows}\n\n\
         按 Ctrl+C 停止 / press Ctrl+C to stop\n",
        site.name
    ))
}

/// For each role the person with the fewest others, so that what is seen is that role's view.
fn one_per_role(people: &[Person]) -> BTreeMap<&str, &Person> {
    let mut chosen: BTreeMap<&str, &Person> = BTreeMap::new();
    for person in people {
        for role in &person.roles {
            let place = chosen.entry(role).or_insert(person);
            let others = |person: &Person| (person.monitoring_room, person.roles.len());
            if others(person) < others(place) {
                *place = person;
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_offers_a_sign_in_for_every_role_it_has() {
        let text = welcome(8080).unwrap();
        for role in ["cleaner", "desk", "director", "guard", "lead", "supervisor", "technician"] {
            let line = text.lines().find(|line| line.trim_start().starts_with(role)).unwrap();
            assert!(line.contains(" P"), "no staff code in {line}");
        }
        assert!(text.contains("http://localhost:8080") && text.contains(DEMO_PASSWORD));
    }

    #[test]
    fn every_role_is_shown_by_whoever_has_the_fewest_others() {
        let person = |code: &str, roles: &[&str]| Person {
            code: code.to_owned(),
            name: String::new(),
            phone: String::new(),
            post: String::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            monitoring_room: false,
        };
        let control_room = Person { monitoring_room: true, ..person("P0", &["guard"]) };
        let people = [control_room, person("P1", &["guard", "lead"]), person("P2", &["guard"])];
        let codes: Vec<_> =
            one_per_role(&people).into_iter().map(|(role, who)| (role, who.code.as_str())).collect();
        assert_eq!(codes, [("guard", "P2"), ("lead", "P1")]);
    }
}
