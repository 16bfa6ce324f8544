//! HTML pages. maud escapes all log content; characters that could reorder or hide text are shown as escapes.

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

/// Authentication method of the users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// A printed link with a key.
    Link,
    /// An identity provider: `/sign-in` redirects to it, and it redirects back to `/token`.
    Provider,
}

/// Navigation links, as path and title.
const PLACES: [(&str, &str); 3] = [("/", "Board"), ("/findings", "Findings"), ("/incidents", "Incidents")];

/// A whole page around its main part.
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

/// Sign-in page for anonymous users. After sign-in at a provider, the script loads the main part and shows
/// the user's name.
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

/// Title and main part of a view. `decides` shows the buttons for approvers.
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

/// Error page.
///
/// `is_final` stops the page from reloading itself, because a missing page does not appear in five seconds.
pub(crate) fn trouble(why: &str, is_final: bool) -> Markup {
    html! {
        section.card id="trouble" data-final[is_final] {
            h1 { "Nothing to see here" }
            p { (shown(why)) "." }
            p { a href="/" { "Back to the board" } }
        }
    }
}
