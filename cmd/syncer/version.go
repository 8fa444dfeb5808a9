package main

import (
	"runtime"
	"runtime/debug"
)

// versionCmd is syncer version.
type versionCmd struct{}

// Run is called by kong.
func (versionCmd) Run(a *app) error { //nolint:unparam // kong wants an error
	v := programVersion()
	a.out.printJSON(map[string]string{"type": "version", "version": v, "go": runtime.Version()})
	a.out.printf("syncer %s (%s)\n", v, runtime.Version())
	return nil
}

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
