//! User agents of the tools that people and machines call with.

use crate::draw::Draw;

/// Operating system of a computer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Mac,
    Windows,
    Linux,
}

/// Kind of tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    Browser,
    Cli,
    Python,
    Terraform,
    Java,
    Go,
    Node,
}

/// User agent of a tool on a system; `age` (0 to 9) selects the tool's version, oldest first.
pub(crate) fn agent(tool: Tool, system: System, age: u32) -> String {
    let python = 11 + age / 5;
    match tool {
        Tool::Browser => browser(system, 120 + age),
        Tool::Cli => format!(
            "aws-cli/2.{}.{} md/awscrt#0.20.9 ua/2.0 {} md/arch#{} lang/python#3.{python}.8 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off",
            15 + age,
            age * 3,
            os(system),
            if system == System::Mac { "arm64" } else { "x86_64" },
        ),
        Tool::Python => format!(
            "Boto3/1.34.{n} md/Botocore#1.34.{n} ua/2.0 {} md/arch#x86_64 lang/python#3.{python}.6 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.{n}",
            os(system),
            n = 50 + age,
        ),
        Tool::Terraform => format!(
            "APN/1.0 HashiCorp/1.0 Terraform/1.{}.5 (+https://www.terraform.io) terraform-provider-aws/5.{}.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.26.0 {} lang/go#1.21.8",
            7 + age / 4,
            40 + age,
            os(system),
        ),
        Tool::Java => format!(
            "aws-sdk-java/2.25.{} Linux/5.10.210 OpenJDK_64-Bit_Server_VM/17.0.10 Java/17.0.10",
            age * 2
        ),
        Tool::Go => format!("aws-sdk-go-v2/1.26.{age} os/linux lang/go#1.22.1 md/GOOS#linux md/GOARCH#amd64"),
        Tool::Node => format!("aws-sdk-js/3.5{age}.0 ua/2.0 os/linux#5.10.210 lang/js md/nodejs#20.11.1"),
    }
}

fn browser(system: System, version: u32) -> String {
    let platform = match system {
        System::Mac => "Macintosh; Intel Mac OS X 10_15_7",
        System::Windows => "Windows NT 10.0; Win64; x64",
        System::Linux => "X11; Linux x86_64",
    };
    format!(
        "Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    )
}

fn os(system: System) -> &'static str {
    match system {
        System::Mac => "os/macos#23.4.0",
        System::Windows => "os/windows#10",
        System::Linux => "os/linux#6.5.0-26-generic",
    }
}

/// Draws the operating system of a person's computer.
pub(crate) fn desk(draw: &mut Draw) -> System {
    [System::Mac, System::Windows, System::Linux][draw.weighted(&[5, 3, 2])]
}
