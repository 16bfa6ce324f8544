//! Pages. Whatever comes from a log is escaped by maud, and shown without characters that turn or hide text.

mod board;
mod charts;
mod finding;
mod incident;
mod lists;
mod parts;
mod principal;

use maud::{DOCTYPE, Markup, html};
use trailwarden_pipeline::dashboard::View;

use self::parts::shown;
use crate::queries::Query;

/// How people get a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// By a link that was printed.
    Link,
    /// By signing in at an identity provider: `/sign-in` leads there, `/token` is where they come back.
    Provider,
}

/// Pages that are linked at the top of each.
const PLACES: [(&str, &str); 3] = [("/", "Board"), ("/findings", "Findings"), ("/incidents", "Incidents")];

/// A whole page around what is in its middle.
pub(crate) fn whole(title: &str, who: &str, path: &str, main: &Markup) -> Markup {
    document(
        title,
        &html! {
            (top(path, &html! { (shown(who)) }))
            (without_script("Without JavaScript the page shows how things stood when it was loaded, and nothing can be decided here."))
            main id="main" tabindex="-1" { (main) }
            footer { p { "Times are UTC. Every number on this page is at " a href="/api/openapi.json" { "/api" } " too." } }
        },
    )
}

fn top(path: &str, who: &Markup) -> Markup {
    html! {
        a.skip href="#main" { "To the content" }
        header {
            a.brand href="/" { img src="/icon.svg" alt="" width="22" height="22"; " Trailwarden" }
            nav aria-label="Pages" {
                @for (to, name) in PLACES {
                    a href=(to) aria-current=[(to == path).then_some("page")] { (name) }
                }
            }
            p.who { span #live role="status" aria-live="polite" {} " " (who) }
        }
    }
}

/// For whoever has no name yet; where one signs in, the page fills itself, and says who it is.
pub(crate) fn sign_in(entrance: Entrance, path: &str) -> Markup {
    let signs_in = entrance == Entrance::Provider;
    let who = html! {
        @if signs_in { span id="name" {} " " button type="button" id="leave" hidden { "Sign out" } }
    };
    document(
        "Sign in",
        &html! {
            (top(path, &who))
            (without_script("Without JavaScript nobody can sign in here."))
            main id="main" tabindex="-1" data-sign-in[signs_in] data-shut[!signs_in] {
                section.card #sign-in {
                    h1 { "Sign in" }
                    @if signs_in {
                        p { "What Trailwarden sees is shown to people whom your identity provider knows." }
                        p { button type="button" id="enter" { "Sign in" } }
                        p.quiet id="why" role="status" {}
                    } @else {
                        p { "This page opens by the link that " code { "trailwarden serve" } " prints at its start." }
                    }
                }
            }
        },
    )
}

fn without_script(what: &str) -> Markup {
    html! { noscript { p.note { (what) } } }
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shown(title)) " · Trailwarden" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
                script src="/app.js" defer {}
            }
            body { (body) }
        }
    }
}

/// What is in the middle, with its title, for somebody who came by this entrance, and decides or does not.
pub(crate) fn main(view: &View, query: &Query, entrance: Entrance, decides: bool) -> (String, Markup) {
    match view {
        View::Board(board) => ("Board".to_owned(), board::board(board, decides)),
        View::Findings(page) => ("Findings".to_owned(), lists::findings(page, query)),
        View::Incidents(page) => ("Incidents".to_owned(), lists::incidents(page, query)),
        View::Finding(story) => (story.finding.title.clone(), finding::finding(story)),
        View::Principal(portrait) => (portrait.principal.clone(), principal::principal(portrait)),
        View::Incident(incident) => ("Incident".to_owned(), incident::incident(incident, entrance, decides)),
        View::Nothing(why) => ((*why).to_owned(), trouble(why, true)),
    }
}

/// What went wrong, for people.
///
/// What is not there will not be there in five seconds: such a page is not asked for again by itself.
pub(crate) fn trouble(why: &str, is_final: bool) -> Markup {
    html! {
        section.card id="trouble" data-final[is_final] {
            h1 { "Nothing to see here" }
            p { (shown(why)) "." }
            p { a href="/" { "Back to the board" } }
        }
    }
}
