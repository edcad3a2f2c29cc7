//! Joins the generated files and those of `public/` to one site, as a function of their bytes.
//!
//! A file may hold tokens. `{{app.css}}` becomes the address of the file of that name, which then lies under
//! `assets/` with a hash of its content in its name and may be cached for ever; files that nobody names so
//! keep their names. The generated files lie in one folder there, with a hash of them all in its name. `{{build}}`
//! becomes the build's id. `/*{{precache}}*/[]` becomes the list of all addresses that make up the site, apart from that
//! of the file that asks for it: the service worker.

use anyhow::{Context, Result, bail};

use super::{Files, hash, hash_of_files};

const BUILD: &str = "build";
const PRECACHE: &str = "/*{{precache}}*/[]";

/// Which files are searched for tokens; the generated ones never are.
const TEXT: [&str; 6] = [".html", ".js", ".css", ".webmanifest", ".svg", ".txt"];

/// A site in memory.
pub struct Assembled {
    pub files: Files,
    pub build: String,
}

/// Makes the site; a token that names nothing is an error.
pub fn assemble(generated: Files, public: Files) -> Result<Assembled> {
    if let Some(name) = generated.keys().find(|name| public.contains_key(*name)) {
        bail!("public/{name} has the name of a generated file");
    }
    let mut sources = generated.clone();
    sources.extend(public.clone());
    // Over the sources, because the id stands in the files themselves.
    let build = hash_of_files(&sources)[..16].to_owned();

    let mut assembly =
        Assembly { build: &build, public: &public, files: Files::new(), addresses: Vec::new() };
    // The generated files name one another, in a circle too: they keep their names, and the hash is their folder's.
    let folder = format!("assets/app-{}", &hash_of_files(&generated)[..16]);
    for (name, bytes) in generated {
        assembly.place(&name, format!("{folder}/{name}"), bytes);
    }
    for name in named_by_tokens(&public)? {
        assembly.address(&name, &mut Vec::new())?;
    }
    let (asking, others): (Vec<_>, Vec<_>) = public.keys().partition(|name| asks_for_precache(&public, name));
    for name in others {
        if !assembly.is_placed(name) {
            let bytes = assembly.render(name, &mut Vec::new())?;
            assembly.place(name, name.clone(), bytes);
        }
    }
    let addresses: Vec<String> = assembly.files.keys().map(|path| served_at(path)).collect();
    let precache = serde_json::to_string(&addresses)?;
    for name in asking {
        let text = String::from_utf8(assembly.render(name, &mut Vec::new())?)?;
        assembly.place(name, name.clone(), text.replace(PRECACHE, &precache).into_bytes());
    }
    Ok(Assembled { files: assembly.files, build })
}

/// The site as far as it has got.
struct Assembly<'a> {
    build: &'a str,
    public: &'a Files,
    files: Files,
    /// Of each file that is placed: its name among the sources, and where it is served.
    addresses: Vec<(String, String)>,
}

impl Assembly<'_> {
    fn place(&mut self, name: &str, path: String, bytes: Vec<u8>) {
        self.addresses.push((name.to_owned(), served_at(&path)));
        self.files.insert(path, bytes);
    }

    fn is_placed(&self, name: &str) -> bool {
        self.addresses.iter().any(|(placed, _)| placed == name)
    }

    /// Where the file named by a token is served; `asking` are the files that led to it.
    fn address(&mut self, name: &str, asking: &mut Vec<String>) -> Result<String> {
        if let Some((_, address)) = self.addresses.iter().find(|(placed, _)| placed == name) {
            return Ok(address.clone());
        }
        if asking.iter().any(|other| other == name) {
            bail!("the files {} name one another in a circle", asking.join(", "));
        }
        let bytes = self.render(name, asking)?;
        let path = hashed(name, &bytes);
        self.place(name, path.clone(), bytes);
        Ok(served_at(&path))
    }

    /// A file of `public/` with its tokens replaced, apart from that for the precache list.
    fn render(&mut self, name: &str, asking: &mut Vec<String>) -> Result<Vec<u8>> {
        let bytes =
            self.public.get(name).with_context(|| format!("{{{{{name}}}}} names no file of the site"))?;
        if !is_text(name) {
            return Ok(bytes.clone());
        }
        let text = text(name, bytes)?;
        asking.push(name.to_owned());
        let mut rendered = text.to_owned();
        for token in tokens(text) {
            let value = if token == BUILD { self.build.to_owned() } else { self.address(token, asking)? };
            rendered = rendered.replace(&format!("{{{{{token}}}}}"), &value);
        }
        asking.pop();
        Ok(rendered.into_bytes())
    }
}

/// The files of `public/` that some file names by a token.
fn named_by_tokens(public: &Files) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (name, bytes) in public.iter().filter(|(name, _)| is_text(name)) {
        let tokens = tokens(text(name, bytes)?);
        names.extend(tokens.filter(|token| public.contains_key(*token)).map(str::to_owned));
    }
    Ok(names)
}

fn asks_for_precache(public: &Files, name: &str) -> bool {
    is_text(name) && public.get(name).is_some_and(|bytes| String::from_utf8_lossy(bytes).contains(PRECACHE))
}

/// What stands between double braces and looks like a file's name, without the token for the precache list.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |token: &str| {
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
    };
    let pieces = text.split("{{").skip(1).filter_map(|piece| Some(piece.split_once("}}")?.0));
    pieces.filter(move |token| is_name(token) && *token != "precache")
}

fn is_text(name: &str) -> bool {
    TEXT.iter().any(|extension| name.ends_with(extension))
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).with_context(|| format!("public/{name} is not UTF-8"))
}

/// The path of a file that may be cached for ever.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let hash = &hash(bytes)[..16];
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("assets/{stem}-{hash}.{extension}"),
        None => format!("assets/{name}-{hash}"),
    }
}

fn served_at(path: &str) -> String {
    if path == "index.html" { "/".to_owned() } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn generated() -> Files {
        files(&[("app.js", "glue"), ("app.wasm", "module"), ("snippets/crate-1/inline0.js", "snippet")])
    }

    fn public() -> Files {
        files(&[
            ("index.html", "{{build}} {{app.css}} {{boot.js}} {{app.js}}"),
            ("boot.js", "import({{app.js}}, {{app.wasm}}) || `${{}}`"),
            ("app.css", "body {}"),
            ("sw.js", "const BUILD = '{{build}}', FILES = /*{{precache}}*/[];"),
            ("icons/icon.svg", "<svg/>"),
        ])
    }

    fn text_of(site: &Assembled, path: &str) -> String {
        String::from_utf8(site.files[path].clone()).unwrap()
    }

    #[test]
    fn what_is_named_by_a_token_is_served_under_a_hash_and_found_there() {
        let site = assemble(generated(), public()).unwrap();
        let index = text_of(&site, "index.html");
        let [build, css, boot, app] = index.split(' ').collect::<Vec<_>>()[..] else { panic!("{index}") };
        assert_eq!(build, site.build);
        assert_eq!(text_of(&site, &css[1..]), "body {}");
        assert_eq!(text_of(&site, &app[1..]), "glue");
        let wasm = app.replace("app.js", "app.wasm");
        assert!(text_of(&site, &boot[1..]).starts_with(&format!("import({app}, {wasm})")));
        assert!(!site.files.contains_key("boot.js"));
    }

    #[test]
    fn what_nobody_names_keeps_its_name() {
        let site = assemble(generated(), public()).unwrap();
        assert_eq!(text_of(&site, "icons/icon.svg"), "<svg/>");
    }

    #[test]
    fn generated_files_move_to_another_folder_together() {
        let folder = |generated: Files| {
            let site = assemble(generated, public()).unwrap();
            let glue = site.files.keys().find_map(|path| path.strip_suffix("/app.js")).unwrap().to_owned();
            for (file, text) in [("app.wasm", "module"), ("snippets/crate-1/inline0.js", "snippet")] {
                assert_eq!(text_of(&site, &format!("{glue}/{file}")), text);
            }
            glue
        };
        let mut other = generated();
        other.insert("split_pages.wasm".to_owned(), b"part".to_vec());
        assert_ne!(folder(generated()), folder(other));
    }

    #[test]
    fn the_service_worker_lists_everything_but_itself() {
        let site = assemble(generated(), public()).unwrap();
        let worker = text_of(&site, "sw.js");
        let (start, list) = worker.split_once("FILES = ").unwrap();
        assert!(start.contains(&site.build));
        let listed: Vec<String> = serde_json::from_str(list.trim_end_matches(';')).unwrap();
        let mut served: Vec<String> = site.files.keys().map(|path| served_at(path)).collect();
        served.retain(|address| address != "/sw.js");
        assert_eq!(listed, served);
        assert!(listed.contains(&"/".to_owned()));
    }

    #[test]
    fn the_same_input_gives_the_same_build_and_any_other_gives_another() {
        let site = assemble(generated(), public()).unwrap();
        assert_eq!(site.build, assemble(generated(), public()).unwrap().build);
        let mut changed = public();
        changed.insert("app.css".to_owned(), b"body { margin: 0 }".to_vec());
        let changed = assemble(generated(), changed).unwrap();
        assert_ne!(site.build, changed.build);
        assert_ne!(site.files["sw.js"], changed.files["sw.js"]);
    }

    #[test]
    fn a_token_that_names_nothing_is_refused() {
        let mut public = public();
        public.insert("boot.js".to_owned(), b"{{ap.js}}".to_vec());
        let error = assemble(generated(), public).err().unwrap();
        assert_eq!(error.to_string(), "{{ap.js}} names no file of the site");
    }

    #[test]
    fn files_that_name_one_another_are_refused() {
        let public = files(&[("a.js", "{{b.js}}"), ("b.js", "{{a.js}}")]);
        let error = assemble(generated(), public).err().unwrap();
        assert_eq!(error.to_string(), "the files b.js, a.js name one another in a circle");
    }
}
