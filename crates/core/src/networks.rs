//! Network table: country, autonomous system, holder and use of an address.
//!
//! Input is a MaxMind database or a CSV `cidr,country,asn,organisation,use`, as bytes. Nothing is guessed:
//! without a table, and for an unlisted address, the network is unknown.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use serde::Deserialize;

/// Network of an address. Empty text and 0 mean unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Country, as an ISO 3166 code.
    pub country: String,
    /// Number of the autonomous system.
    pub asn: u32,
    /// Holder of the network.
    pub organisation: String,
    /// Use: `isp`, `mobile`, `office`, `hosting`, `vpn`, `tor`, `aws-REGION`, or another word of the list.
    pub usage: String,
}

/// A table of networks.
#[derive(Default)]
pub struct Networks {
    source: Source,
}

#[derive(Default)]
enum Source {
    #[default]
    None,
    Csv(Box<(PrefixMap<Ipv4Net, Network>, PrefixMap<Ipv6Net, Network>)>),
    MaxMind(Box<maxminddb::Reader<Vec<u8>>>),
}

/// Why a table of networks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A line of the CSV is wrong.
    #[error("line {line}: {reason}; expected `cidr,country,asn,organisation,use`")]
    Line {
        /// Line number, from 1.
        line: u64,
        /// The reason.
        reason: String,
    },
    /// A MaxMind database is damaged.
    #[error("not a usable MaxMind database: {0}")]
    MaxMind(#[from] maxminddb::MaxMindDbError),
}

const MAXMIND_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
const HEADER: [&str; 5] = ["cidr", "country", "asn", "organisation", "use"];

impl Networks {
    /// Reads a table of either format.
    ///
    /// # Errors
    /// [`Unusable`], with the line number for a CSV.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Unusable> {
        let is_maxmind = bytes.windows(MAXMIND_MARK.len()).any(|window| window == MAXMIND_MARK);
        let source = if is_maxmind {
            Source::MaxMind(Box::new(maxminddb::Reader::from_source(bytes)?))
        } else {
            Source::Csv(Box::new(read_csv(&bytes)?))
        };
        Ok(Self { source })
    }

    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        matches!(self.source, Source::None)
    }

    /// The narrowest listed network that holds `address`.
    pub fn find(&self, address: IpAddr) -> Option<Network> {
        match (&self.source, address) {
            (Source::None, _) => None,
            (Source::Csv(tables), IpAddr::V4(v4)) => Some(tables.0.get_lpm(&Ipv4Net::from(v4))?.1.clone()),
            (Source::Csv(tables), IpAddr::V6(v6)) => Some(tables.1.get_lpm(&Ipv6Net::from(v6))?.1.clone()),
            (Source::MaxMind(reader), _) => from_maxmind(reader, address),
        }
    }
}

type Tables = (PrefixMap<Ipv4Net, Network>, PrefixMap<Ipv6Net, Network>);

fn read_csv(bytes: &[u8]) -> Result<Tables, Unusable> {
    let mut tables = Tables::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(bytes);
    for record in reader.records() {
        let record = record.map_err(|error| Unusable::Line {
            line: error.position().map_or(0, csv::Position::line),
            reason: "not five columns of text".to_owned(),
        })?;
        if record.iter().eq(HEADER) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let (net, network) = read_line(&record).map_err(|reason| Unusable::Line { line, reason })?;
        match net {
            IpNet::V4(v4) => _ = tables.0.insert(v4.trunc(), network),
            IpNet::V6(v6) => _ = tables.1.insert(v6.trunc(), network),
        }
    }
    Ok(tables)
}

fn read_line(record: &csv::StringRecord) -> Result<(IpNet, Network), String> {
    let [cidr, country, asn, organisation, usage] =
        std::array::from_fn(|at| record.get(at).unwrap_or_default());
    if record.len() != HEADER.len() {
        return Err(format!("{} columns", record.len()));
    }
    let net = cidr.parse().map_err(|_| "cidr is not a network such as 198.51.100.0/24".to_owned())?;
    let digits = asn.trim_start_matches(['A', 'S', 'a', 's']);
    let asn =
        if digits.is_empty() { 0 } else { digits.parse().map_err(|_| "asn is not a number".to_owned())? };
    Ok((
        net,
        Network {
            country: country.to_owned(),
            asn,
            organisation: organisation.to_owned(),
            usage: usage.to_owned(),
        },
    ))
}

/// Fields of MaxMind's databases, and of other databases in its format.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    country: Option<Country>,
    country_code: Option<String>,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
    is_anonymous_vpn: bool,
    is_hosting_provider: bool,
    is_tor_exit_node: bool,
    #[serde(rename = "use")]
    usage: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Country {
    iso_code: Option<String>,
}

fn from_maxmind(reader: &maxminddb::Reader<Vec<u8>>, address: IpAddr) -> Option<Network> {
    let entry = reader.lookup(address).ok()?.decode::<Entry>().ok()??;
    let usage = match (entry.is_tor_exit_node, entry.is_anonymous_vpn, entry.is_hosting_provider) {
        (true, ..) => "tor",
        (_, true, _) => "vpn",
        (.., true) => "hosting",
        _ => "",
    };
    Some(Network {
        country: entry
            .country
            .and_then(|country| country.iso_code)
            .or(entry.country_code)
            .unwrap_or_default(),
        asn: entry.autonomous_system_number.unwrap_or_default(),
        organisation: entry.autonomous_system_organization.unwrap_or_default(),
        usage: entry.usage.unwrap_or_else(|| usage.to_owned()),
    })
}

/// A network as text, for example `Example Net (CH, AS64500, office)`.
pub fn describe(network: &Network) -> String {
    let asn = if network.asn == 0 { String::new() } else { format!("AS{}", network.asn) };
    let facts: Vec<&str> = [network.country.as_str(), &asn, &network.usage]
        .into_iter()
        .filter(|fact| !fact.is_empty())
        .collect();
    match (network.organisation.as_str(), facts.join(", ")) {
        ("", facts) => facts,
        (organisation, facts) if facts.is_empty() => organisation.to_owned(),
        (organisation, facts) => format!("{organisation} ({facts})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "cidr,country,asn,organisation,use\n198.51.100.0/24,CH,64500,Example Net,office\n198.51.0.0/16,DE,AS64501,\"Wide, Inc\",isp\n2001:db8::/32,FR,,Six,vpn\n";

    fn networks(text: &str) -> Networks {
        Networks::read(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_narrowest_network_counts() {
        let networks = networks(TABLE);
        let find = |text: &str| networks.find(text.parse().unwrap());
        assert_eq!(find("198.51.100.9").unwrap().usage, "office");
        assert_eq!(
            find("198.51.7.9").unwrap(),
            Network {
                country: "DE".into(),
                asn: 64501,
                organisation: "Wide, Inc".into(),
                usage: "isp".into()
            }
        );
        assert_eq!(find("2001:db8::7").unwrap().country, "FR");
        assert_eq!(find("192.0.2.1"), None);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line) in [
            ("198.51.100.0/24,CH,1,x,isp\nnowhere,CH,1,x,isp\n", "line 2"),
            ("198.51.100.0/24,CH\n", "line 1"),
            ("198.51.100.0/24,CH,many,x,y\n", "line 1"),
        ] {
            let error = Networks::read(text.as_bytes().to_vec()).err().unwrap().to_string();
            assert!(error.starts_with(line), "{error}");
        }
    }

    #[test]
    fn without_a_table_nothing_is_known() {
        assert_eq!(Networks::default().find("198.51.100.9".parse().unwrap()), None);
    }

    #[test]
    fn a_damaged_database_is_refused() {
        assert!(Networks::read([b"junk".as_slice(), MAXMIND_MARK, b"junk"].concat()).is_err());
    }
}
