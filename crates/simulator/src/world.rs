//! Static parts of an organisation: accounts, Regions, networks, names and resources.

use std::fmt::Write;

use crate::draw::Draw;

/// An account of the organisation.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) things: Things,
}

/// Resources of an account that calls can name.
pub(crate) struct Things {
    pub(crate) buckets: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) instances: Vec<String>,
    pub(crate) databases: Vec<String>,
    pub(crate) snapshots: Vec<String>,
    pub(crate) secrets: Vec<String>,
    pub(crate) parameters: Vec<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) users: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// A network: addresses of one owner.
#[derive(Clone)]
pub(crate) struct Network {
    /// First two octets of its addresses, and the third for a /24.
    prefix: (u8, u8, Option<u8>),
    pub(crate) country: &'static str,
    holder: String,
    usage: String,
}

impl Network {
    /// An address in its /24 number `block`.
    pub(crate) fn address(&self, block: u8, host: u8) -> String {
        let (a, b, c) = self.prefix;
        format!("{a}.{b}.{}.{}", c.unwrap_or(block), host.max(1))
    }

    fn line(&self, at: usize) -> String {
        let (a, b, c) = self.prefix;
        let cidr = c.map_or_else(|| format!("{a}.{b}.0.0/16"), |c| format!("{a}.{b}.{c}.0/24"));
        format!("{cidr},{},{},{},{}", self.country, 64_512 + at, self.holder, self.usage)
    }
}

/// Countries people work from, with their standard offset from UTC in hours.
pub(crate) const COUNTRIES: &[(&str, i64)] = &[
    ("US", -5),
    ("US", -8),
    ("GB", 0),
    ("DE", 1),
    ("PL", 1),
    ("ES", 1),
    ("IN", 5),
    ("AU", 10),
    ("BR", -3),
    ("IL", 2),
];

const REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ca-central-1",
    "us-east-2",
];
/// Regions that the organisation does not use.
pub(crate) const FAR_REGIONS: &[&str] =
    &["ap-south-1", "sa-east-1", "eu-north-1", "ap-southeast-1", "eu-west-3", "us-west-1", "ap-northeast-2"];

/// A simulated organisation.
pub(crate) struct World {
    pub(crate) id: String,
    pub(crate) domain: String,
    pub(crate) accounts: Vec<Account>,
    /// Regions in use, the home Region first.
    pub(crate) regions: Vec<&'static str>,
    /// Share of people who sign in through Identity Center; the others are IAM users.
    pub(crate) single_sign_on: f64,
    /// Whether the trail records S3 data events.
    pub(crate) has_data_events: bool,
    /// Network of the company's VPN, used by some people.
    pub(crate) company_vpn: Option<Network>,
    pub(crate) offices: Vec<Network>,
    networks: Vec<Network>,
}

/// Account names; [`World::account`] looks them up.
const ACCOUNTS: &[&str] = &["production", "staging", "data", "security", "management"];

const WORDS: &[&str] = &[
    "orders", "billing", "catalog", "search", "media", "ledger", "tracking", "identity", "reports", "events",
    "invoices", "mailer", "gateway", "pricing", "stock", "exports", "archive", "claims", "fleet", "sensor",
];
const TAILS: &[&str] = &["api", "worker", "store", "sync", "jobs", "feed", "cache", "hub"];

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut draw = Draw::of(seed, "world", 0);
        let mut regions: Vec<&str> = REGIONS.to_vec();
        draw.shuffle(&mut regions);
        regions.truncate(draw.count(2, 4));
        let company =
            *draw.pick(&["quillmark", "ostrava", "pinehurst", "bluefin", "tarnow", "helio", "verdance"]);
        let domain = format!("{company}.example");
        let accounts = ACCOUNTS.iter().map(|name| Account::new(name, company, &mut draw)).collect();
        let mut world = Self {
            id: format!("o-{}", draw.hex(10)),
            domain,
            accounts,
            regions,
            single_sign_on: *draw.pick(&[0.25, 0.6, 0.9, 0.95]),
            has_data_events: draw.chance(0.7),
            company_vpn: None,
            offices: Vec::new(),
            networks: Vec::new(),
        };
        world.add_networks(company, &mut draw);
        world
    }

    fn add_networks(&mut self, company: &str, draw: &mut Draw) {
        for (country, _) in COUNTRIES {
            for (holder, usage) in [("Cable", "isp"), ("Telecom", "isp"), ("Mobile", "mobile")] {
                self.add(draw, false, country, format!("{country} {holder}"), usage);
            }
        }
        for (country, _) in [COUNTRIES[3], COUNTRIES[0]] {
            let office = self.add(draw, true, country, format!("{company} {country}"), "office");
            self.offices.push(office);
        }
        for region in self.regions.clone() {
            self.add(draw, false, "US", "Amazon".to_owned(), &format!("aws-{region}"));
        }
        for at in 0..4 {
            self.add(draw, false, "US", format!("Runner Cloud {at}"), "hosting");
        }
        for country in ["NL", "RO", "SG", "US", "DE"] {
            self.add(draw, false, country, format!("{country} Servers"), "hosting");
            self.add(draw, true, country, format!("{country} Privacy"), "vpn");
        }
        self.add(draw, true, "NL", "Relays".to_owned(), "tor");
        for country in ["RU", "VN", "NG", "ID", "RO"] {
            self.add(draw, false, country, format!("{country} Broadband"), "isp");
        }
        if draw.chance(0.5) {
            let vpn = self.add(draw, true, "US", format!("{company} remote access"), "office");
            self.company_vpn = Some(vpn);
        }
    }

    fn add(
        &mut self,
        draw: &mut Draw,
        is_small: bool,
        country: &'static str,
        holder: String,
        usage: &str,
    ) -> Network {
        let prefix = loop {
            let (a, b) = (draw.within(11, 220) as u8, draw.within(0, 256) as u8);
            let is_public = !matches!((a, b), (127 | 169 | 172 | 192 | 198 | 203 | 100, _));
            if is_public && self.networks.iter().all(|other| (other.prefix.0, other.prefix.1) != (a, b)) {
                break (a, b, is_small.then(|| draw.within(0, 256) as u8));
            }
        };
        let network = Network { prefix, country, holder, usage: usage.to_owned() };
        self.networks.push(network.clone());
        network
    }

    /// A network of this country (any, if empty) and use.
    pub(crate) fn network(&self, draw: &mut Draw, country: &str, usage: &str) -> Network {
        let fits =
            |network: &&Network| network.usage == usage && (country.is_empty() || network.country == country);
        let fitting: Vec<&Network> = self.networks.iter().filter(fits).collect();
        if fitting.is_empty() { self.networks[0].clone() } else { (*draw.pick(&fitting)).clone() }
    }

    /// Network of AWS's addresses in a Region.
    pub(crate) fn amazon(&self, region: &str) -> Network {
        let usage = format!("aws-{region}");
        self.networks.iter().find(|network| network.usage == usage).unwrap_or(&self.networks[0]).clone()
    }

    pub(crate) fn account(&self, name: &str) -> &Account {
        self.accounts.iter().find(|account| account.name == name).unwrap_or(&self.accounts[0])
    }

    pub(crate) fn home_region(&self) -> &'static str {
        self.regions[0]
    }

    /// The networks as CSV: `cidr,country,asn,organisation,use`.
    pub(crate) fn networks_csv(&self) -> String {
        let mut csv = "cidr,country,asn,organisation,use\n".to_owned();
        for (at, network) in self.networks.iter().enumerate() {
            let _ = writeln!(csv, "{}", network.line(at));
        }
        csv
    }
}

impl Account {
    fn new(name: &'static str, company: &str, draw: &mut Draw) -> Self {
        let id = draw.digits(12);
        let mut named = |count: usize, tail: &str| -> Vec<String> {
            (0..count).map(|_| format!("{}-{}{tail}", draw.pick(WORDS), draw.pick(TAILS))).collect()
        };
        let functions = named(12, "");
        let roles = named(8, "-role");
        let tables = named(6, "");
        let databases = named(4, "-db");
        let secrets = named(14, "/credentials");
        let parameters = named(14, "").into_iter().map(|word| format!("/{name}/{word}")).collect();
        let buckets = named(9, "").into_iter().map(|word| format!("{company}-{name}-{word}")).collect();
        let mut ids = |count: usize, prefix: &str| -> Vec<String> {
            (0..count).map(|_| format!("{prefix}{}", draw.hex(17))).collect()
        };
        let (instances, snapshots) = (ids(14, "i-"), ids(10, "snap-"));
        let keys = (0..4).map(|_| draw.uuid()).collect();
        let users = ["svc-backup", "svc-deploy", "svc-reports", "svc-mail"].map(str::to_owned).to_vec();
        let groups = ["developers", "operators", "read-only"].map(str::to_owned).to_vec();
        let things = Things {
            buckets,
            functions,
            instances,
            databases,
            snapshots,
            secrets,
            parameters,
            tables,
            keys,
            roles,
            users,
            groups,
        };
        Self { id, name, things }
    }
}
