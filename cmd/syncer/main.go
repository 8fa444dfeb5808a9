// Command syncer keeps an exact copy of Logto tenants in Postgres. One file
// here is one command; all of them only wire the packages below internal
// together and say what came of it.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker; empty: the one Go has noted in the binary.
var version string

func main() { os.Exit(realMain()) }

func realMain() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	return run(context.Background(), os.Args[1:], processEnvironment{
		env: os.LookupEnv, signals: signals, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	})
}

// A processEnvironment is what a run of the program has around it.
type processEnvironment struct {
	env            func(string) (string, bool)
	signals        <-chan os.Signal // nil: none will come
	stdin          io.Reader
	stdout, stderr io.Writer
}

// cli is the command line: a field with cmd is a command.
type cli struct {
	Help    helpFlag `short:"h" help:"Show this help, or that of a command."`
	Config  string   `short:"c" default:"jobs.yaml" placeholder:"FILE" help:"The configuration (default: jobs.yaml)."`
	JSON    bool     `name:"json" help:"One JSON object a line on stdout, logs on stderr."`
	Verbose bool     `short:"v" xor:"loud" help:"Log more: every retry."`
	Quiet   bool     `short:"q" xor:"loud" help:"Only errors."`

	Demo     demoCmd     `cmd:"" help:"Mirror a simulated tenant into a throw-away Postgres and report on it."`
	Check    checkCmd    `cmd:"" help:"Check everything that can be wrong before the first run."`
	Plan     planCmd     `cmd:"" help:"Say what a run would ask of the API, and how long that takes."`
	Run      runCmd      `cmd:"" help:"Run jobs now, once, and exit: what cron calls."`
	Backfill backfillCmd `cmd:"" help:"Read listings as if for the first time, once."`
	Verify   verifyCmd   `cmd:"" help:"Compare the mirror with the tenant; changes neither."`
	Forget   forgetCmd   `cmd:"" help:"Erase users from the mirror and its history."`
	Privacy  privacyCmd  `cmd:"" help:"Show the privacy rules, or what is stored of a user."`
	Serve    serveCmd    `cmd:"" help:"Run jobs on their schedules until stopped, with a status page."`
	Status   statusCmd   `cmd:"" help:"Show the last runs and how fresh each table is."`
	Report   reportCmd   `cmd:"" help:"List the reports, or run one."`
	Export   exportCmd   `cmd:"" help:"Write tables to files, CSV or Parquet."`
	Grant    grantCmd    `cmd:"" help:"Let a role of the database read the mirror and the reports."`
	Psql     psqlCmd     `cmd:"" passthrough:"" help:"Open the mirror's database with psql; all that follows is for psql, as: psql -c 'select 1'."`
	Simulate simulateCmd `cmd:"" help:"Serve a simulated Logto, to try a configuration against."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database up to date; run does it by itself."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// helpFlag is the flag that shows a command's help and ends the program well.
type helpFlag bool

var errHelp = errors.New("help was asked for")

// BeforeReset is called by kong when the flag is there.
func (helpFlag) BeforeReset(k *kong.Context) error {
	if err := k.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// run is the program. It returns its exit code.
func run(ctx context.Context, args []string, w processEnvironment) int {
	var g cli
	out := newOutput(w, slices.Contains(args, "--json")) // as far as is known until the arguments are parsed
	parser, err := kong.New(&g, kong.Name("syncer"), kong.Writers(w.stdout, w.stderr), kong.NoDefaultHelp(),
		kong.Description("An exact copy of Logto tenants in Postgres, with a certificate for each run."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.Vars{"listings": allListingNamesText()})
	if err != nil {
		return out.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
		defer func() { _ = out.fail(usageError{"no command", "syncer demo shows what it does"}) }()
		_, _ = parser.Parse(args) // prints the help
		return exitUsage
	}
	if slices.Equal(args, []string{"--version"}) {
		args = []string{"version"} // the flag that other programs have
	}
	command, err := parser.Parse(flagsFirst(parser.Model, args))
	if errors.Is(err, errHelp) {
		return exitDone
	}
	if err != nil {
		return out.fail(parseError(err))
	}
	out.applyFlags(g.JSON, g.Verbose, g.Quiet)
	a := &app{processEnvironment: w, out: out, config: g.Config}
	ctx, done := a.watchSignals(ctx)
	defer done()
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run(a)
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), errInterrupted) {
		err = errInterrupted
	}
	return out.fail(err)
}

// parseError makes kong's complaint a usage error that says where help is.
func parseError(err error) error {
	hint := "syncer --help"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil && p.Context.Selected() != nil {
		hint = "syncer " + p.Context.Selected().Name + " --help"
	}
	return usageError{err.Error(), hint}
}
