//! The programs that are measured: found, started, looked at through `/proc`, ended.

use std::fs::{self, File};
use std::path::{Display, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

/// Where the programs are, and a folder for their files.
pub(crate) struct Programs {
    pub(crate) gateway: PathBuf,
    pub(crate) envoy: PathBuf,
    pub(crate) rotel: PathBuf,
    /// The gateway without telemetry.
    pub(crate) compiled_out: Option<PathBuf>,
    /// The core that the gateway and Envoy run on; any when absent.
    pub(crate) core: Option<u16>,
    folder: PathBuf,
}

impl Programs {
    /// Finds them, and makes the folder. The gateway is the one beside this program unless it is named.
    pub(crate) fn find(tools: &Path, gateway: Option<&Path>) -> anyhow::Result<Self> {
        let beside = std::env::current_exe()?.with_file_name("mcp-gateway");
        let gateway = gateway.unwrap_or(&beside);
        let gateway = gateway
            .canonicalize()
            .with_context(|| format!("no gateway at {}", gateway.display()))?;
        let tools = tools
            .canonicalize()
            .with_context(|| format!("no programs in {}: `make tools`", tools.display()))?;
        let folder = std::env::temp_dir().join(format!("mcp-gateway-bench-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self {
            gateway,
            envoy: tools.join("envoy"),
            rotel: tools.join("rotel"),
            compiled_out: None,
            core: None,
            folder,
        })
    }

    /// The folder, for people.
    pub(crate) fn folder(&self) -> Display<'_> {
        self.folder.display()
    }

    /// Makes a folder inside the folder.
    pub(crate) fn subfolder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Removes the folder.
    pub(crate) fn clean_up(&self) -> anyhow::Result<()> {
        Ok(fs::remove_dir_all(&self.folder)?)
    }
}

/// A running program. Killed when dropped.
pub(crate) struct Program {
    child: Child,
}

impl Program {
    /// Starts a program in `folder`, where what it says goes too. Of this environment it gets `PATH`, nothing else.
    pub(crate) fn start(
        executable: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        (folder, core): (&Path, Option<u16>),
    ) -> anyhow::Result<Self> {
        let name = executable.file_name().unwrap_or_default();
        let log = File::create(folder.join(name).with_extension("log"))?;
        let mut command = match core {
            None => Command::new(executable),
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(executable);
                command
            }
        };
        let child = command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| executable.display().to_string())?;
        Ok(Self { child })
    }

    /// The time that its threads have spent on a core, in user mode and in the kernel.
    ///
    /// From `schedstat`, in nanoseconds: `/proc/<pid>/stat` counts in steps of 10 ms, which is what some thousand requests take.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end while it is looked at.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let time = text.split(' ').next().unwrap_or_default();
            nanoseconds += time.parse::<u64>().context("schedstat is not as expected")?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The bytes of memory that it occupies.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("process {} is left running: {error}", self.child.id());
        }
    }
}

/// Runs a program to its end and returns what it prints.
pub(crate) fn output(executable: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(executable).args(arguments).output();
    let output = output.with_context(|| executable.display().to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {errors}", executable.display());
    Ok(String::from_utf8(output.stdout)?)
}
