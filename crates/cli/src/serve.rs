//! Command `serve`: the dashboard of a state file, on loopback, for holders of the printed link.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context, Result, bail};
use pollster::block_on;
use tokio::net::TcpListener;
use trailwarden_dashboard::{Entrance, Key, Router, Worker, listen, orders, router};
use trailwarden_pipeline::{
    dashboard::{Asked, Desk},
    messages::Notice,
    ports::{Channel, Unavailable},
};

use crate::{
    analysis,
    args::{Input, Serve},
    files,
    knowledge::now,
    store::dashboard_table::DashboardTable,
};

/// Serves until interrupted.
pub(crate) fn serve(arguments: &Serve) -> Result<u8> {
    let Some(file) = &arguments.input.state else {
        bail!("--state FILE is missing: the file that `analyze --state` keeps")
    };
    if !arguments.input.paths.is_empty() {
        let read = analysis::run(&arguments.input, None, true)?;
        eprintln!("trailwarden: {} file(s) read into {}", read.files, files::show(file));
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no source of random numbers: {error}"))?;
    let (orders, worker) = orders();
    let (input, file) = (arguments.input.clone(), file.clone());
    // The state is checked, and the board rendered once, before the link is printed.
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || match open(&input, &file) {
        Ok(desk) => {
            let _ = ready.send(Ok(()));
            attend(worker, &desk);
        }
        Err(error) => _ = ready.send(Err(error)),
    });
    is_ready.recv().context("reading the state")??;
    let name = format!("local:{}", who());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
            .await
            .with_context(|| format!("port {} of loopback (another: --port N)", arguments.port))?;
        let address: SocketAddr = listener.local_addr()?;
        let key = Key::new(random);
        eprintln!("trailwarden: serving on this machine only; interrupt to end. Open:");
        println!("{}", key.link(address));
        listen(listener, router(orders, Entrance::Link, false, Router::new()), key, name).await?;
        Ok(0)
    })
}

fn open(input: &Input, file: &Path) -> Result<Desk<DashboardTable>> {
    let desk = DashboardTable::desk(input, file)?;
    block_on(desk.see(&Asked::Board, desk.table().as_of()))?;
    Ok(desk)
}

fn attend(worker: Worker, desk: &Desk<DashboardTable>) {
    let _ends = Ends;
    let shelf = desk.table();
    block_on(worker.attend(desk, &Nobody, || (shelf.as_of(), now()), || shelf.renew()));
}

fn who() -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME"];
    names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "somebody".to_owned())
}

/// Ends the process if the actor's thread panics: nothing could be served without it.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("trailwarden: the dashboard failed and cannot continue");
            std::process::exit(2);
        }
    }
}

/// Discards notices: no responder runs here.
struct Nobody;

impl Channel<Notice> for Nobody {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        Ok(())
    }
}
