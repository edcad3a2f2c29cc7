//! Identities, each a type of its own so that none can be passed for another.
//!
//! Devices make UUIDv7 for what they create; the server makes UUIDv5 for what an import names, so that importing a
//! file twice means the same people, and both make UUIDv5 for what follows from a plan.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{route::Occurrence, wire};

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map($name)
            }
        }
    )*};
}

uuid_ids! {
    /// A person's account. Global: one person may serve at two sites.
    PersonId;
    /// One installation of the app on one phone, tablet or desktop.
    DeviceId;
    /// One command, made on a device; the key of its idempotency.
    CommandId;
    /// One reported problem.
    CaseId;
    /// One photo or other file.
    AttachmentId;
    /// One round of a route, see [`RoundId::of`].
    RoundId;
    /// One route, see [`RouteId::of`].
    RouteId;
}

macro_rules! code_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.to_owned())
            }
        }
    )*};
}

code_ids! {
    /// A property under management. It leads every key of site data and is the shard key.
    SiteCode;
    /// The management office or a subcontractor, within a site.
    CompanyCode;
    /// A building, floor, room or piece of equipment, within a site.
    PlaceCode;
    /// A kind of problem, within a site's settings.
    CategoryCode;
    /// A route, within a site.
    RouteCode;
    /// A stop, within a route; it keeps its code when the route changes around it.
    StopCode;
    /// A check item, within a stop.
    ItemCode;
}

/// What ids of routes and rounds are derived in.
const NAMESPACE: Uuid = Uuid::from_u128(0x52d4_7c1f_91c4_5a0e_b6a7_3f0d_8e24_c915);

impl RouteId {
    /// The id of a route: it follows from site and code, so that a command about a route names it like any other.
    pub fn of(site: &SiteCode, route: &RouteCode) -> Self {
        RouteId(Uuid::new_v5(&NAMESPACE, format!("{site}/{route}").as_bytes()))
    }
}

impl RoundId {
    /// The id of a round: it follows from site, route and occurrence, so that a phone that was offline when it began and
    /// the server mean the same round, whatever version of the route each knows.
    pub fn of(site: &SiteCode, route: &RouteCode, occurrence: Occurrence) -> Self {
        RoundId(Uuid::new_v5(&NAMESPACE, format!("{site}/{route}/{occurrence}").as_bytes()))
    }
}

impl CaseId {
    /// What the reporter can read out before the server has given a number: six characters without look-alikes.
    ///
    /// Taken from the random end of the UUIDv7; the desk searches cases by it.
    pub fn offline_code(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = self.0.as_u128();
        (0..6).rev().map(|i| char::from(ALPHABET[((bits >> (i * 5)) & 31) as usize])).collect()
    }
}

/// The number of a case on its site, `20261122-014`: the site's date and counter at acceptance.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct CaseNumber(pub String);

impl CaseNumber {
    /// The number for the `count`th case of a date.
    pub fn new(date: jiff::civil::Date, count: u32) -> Self {
        CaseNumber(format!("{:04}{:02}{:02}-{count:03}", date.year(), date.month(), date.day()))
    }

    /// The date and the place on it, if it is a number as it is given.
    pub fn date_and_count(&self) -> Option<(jiff::civil::Date, u32)> {
        let (day, count) = self.0.split_once('-')?;
        let part = |range: std::ops::Range<usize>| day.get(range)?.parse::<i16>().ok();
        let (month, date) = (i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?);
        let date = jiff::civil::Date::new(part(0..4)?, month, date).ok()?;
        let count = count.parse().ok()?;
        // Written otherwise it would be another number for the same place.
        (CaseNumber::new(date, count) == *self).then_some((date, count))
    }

    /// As shown on screen: without the year when it is `year`.
    pub fn short(&self, year: i16) -> &str {
        match self.0.strip_prefix(&format!("{year:04}")) {
            Some(rest) => rest,
            None => &self.0,
        }
    }
}

/// To whom a row of the feed is addressed. A person holds several; a pull is answered for those the person holds now.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Principal {
    /// Everybody at the site.
    All,
    /// The on-site leads of a company (A8).
    Company(CompanyCode),
    /// Exactly this person.
    Person(PersonId),
    /// Everybody who holds the role at the site.
    Role(crate::site::Role),
    /// The office, for what is in quarantine; or exactly this person of the office.
    Quarantine(Option<PersonId>),
    /// One of the others, for what belongs to rounds.
    Rounds(Box<Principal>),
}

impl Principal {
    /// The same for what belongs to rounds.
    pub fn for_rounds(self) -> Principal {
        Principal::Rounds(Box::new(self))
    }

    /// What a device has to say that it reads, to hold this principal; `None` for those of every device.
    pub const fn reads(&self) -> Option<&'static str> {
        match self {
            Principal::All | Principal::Company(_) | Principal::Person(_) | Principal::Role(_) => None,
            Principal::Quarantine(_) => Some(wire::READS_QUARANTINE),
            Principal::Rounds(_) => Some(wire::READS_ROUNDS),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::All => f.write_str("all"),
            Principal::Company(code) => write!(f, "company:{code}"),
            Principal::Person(id) => write!(f, "person:{id}"),
            Principal::Role(role) => write!(f, "role:{}", role.as_str()),
            Principal::Quarantine(None) => f.write_str("quarantine"),
            Principal::Quarantine(Some(id)) => write!(f, "quarantine:{id}"),
            Principal::Rounds(principal) => write!(f, "rounds:{principal}"),
        }
    }
}
