//! Command `simulate`: writes the logs of a simulated organisation in the layout that AWS delivers.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};
use trailwarden_core::event::{DAY, Time};
use trailwarden_simulator::{Options, Record, Simulation};

use crate::{
    args, files,
    text::{count, thousands},
};

/// Writes `AWSLogs/`, `truth.jsonl` and `networks.csv` into a new folder.
pub(crate) fn simulate(arguments: &args::Simulate) -> Result<u8> {
    let out = &arguments.out;
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty; nothing was written", files::show(out));
    }
    if arguments.people + arguments.workloads == 0 {
        bail!("nobody to simulate: give --people or --workloads");
    }
    let options = options(arguments);
    let mut simulation = Simulation::new(options);
    let organisation = simulation.organisation().to_owned();
    let mut written = Written::default();
    let mut write = |records: Vec<Record>| written.write(out, &organisation, records);
    simulation.records().try_for_each(&mut write).with_context(|| format!("writing {}", files::show(out)))?;
    write(simulation.rest()).with_context(|| format!("writing {}", files::show(out)))?;
    fs::write(out.join("networks.csv"), simulation.networks())?;
    let truth: Vec<String> =
        simulation.truth().iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let mut lines = truth.join("\n");
    lines.extend(truth.last().map(|_| '\n'));
    fs::write(out.join("truth.jsonl"), lines)?;
    fs::write(out.join("simulation.json"), serde_json::to_string_pretty(&options)? + "\n")?;
    println!(
        "Wrote {} in {} to {}, with {}: what they were is in truth.jsonl.",
        count(written.events, "event"),
        count(written.files, "file"),
        files::show(out),
        count(truth.len() as u64, "attack")
    );
    if truth.len() < options.attacks {
        println!("{} attacks were asked for; so few identities are victims of no more.", options.attacks);
    }
    println!("Try: trailwarden analyze {}/AWSLogs --networks {0}/networks.csv", files::show(out));
    println!("Or:  trailwarden evaluate {}", files::show(out));
    Ok(0)
}

/// Options from the arguments; the default number of attacks grows with the organisation.
fn options(arguments: &args::Simulate) -> Options {
    let usual = Options::new(arguments.seed);
    let attack_days = usual.attack_days.min(arguments.days.div_ceil(3));
    let identities = arguments.people + arguments.workloads;
    let share = (identities as f64 / 60.0) * (f64::from(attack_days) / 15.0);
    let attacks = arguments.attacks.unwrap_or((share * usual.attacks as f64).ceil() as usize);
    Options {
        first_day: arguments.start.map_or(usual.first_day, Time::day),
        days: arguments.days,
        people: arguments.people,
        workloads: arguments.workloads,
        attack_days,
        attacks,
        ..usual
    }
}

#[derive(Default)]
struct Written {
    events: u64,
    files: u64,
}

impl Written {
    /// Writes the given records, one file for each account, Region and day.
    fn write(&mut self, out: &Path, organisation: &str, records: Vec<Record>) -> Result<()> {
        let mut parts: BTreeMap<(String, String, i64), Vec<String>> = BTreeMap::new();
        for record in records {
            let day = record.time.div_euclid(DAY);
            parts.entry((record.account_id, record.region, day)).or_default().push(record.json);
        }
        for ((account, region, day), records) in parts {
            let date = Time(day * DAY).to_string()[..10].to_owned();
            let folder = out
                .join("AWSLogs")
                .join(organisation)
                .join(&account)
                .join("CloudTrail")
                .join(&region)
                .join(date.replace('-', "/"));
            fs::create_dir_all(&folder)?;
            let name = format!(
                "{account}_CloudTrail_{region}_{}T0000Z_{:06}.json.gz",
                date.replace('-', ""),
                self.files
            );
            let mut file = GzEncoder::new(File::create(folder.join(name))?, Compression::fast());
            file.write_all(b"{\"Records\":[")?;
            file.write_all(records.join(",").as_bytes())?;
            file.write_all(b"]}")?;
            file.finish()?.flush()?;
            self.events += records.len() as u64;
            self.files += 1;
        }
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            eprint!("\r{} events", thousands(self.events));
        }
        Ok(())
    }
}
