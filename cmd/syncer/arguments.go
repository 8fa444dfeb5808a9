package main

import (
	"slices"

	"github.com/alecthomas/kong"
)

// flagsFirst moves flags and their values before the positional arguments, so
// that they can stand anywhere: kong takes a list of arguments only where
// nothing stands in between. What follows "--", or a command that passes its
// arguments on, stays as it is.
func flagsFirst(model *kong.Application, args []string) []string {
	node := model.Node
	var flags, positional []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return slices.Concat(flags, positional, args[i:])
		case len(arg) > 1 && arg[0] == '-':
			flags = append(flags, arg)
			if takesNext(node, arg) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		case findSubcommand(node, arg) != nil && positional == nil:
			node = findSubcommand(node, arg)
			flags = append(flags, arg)
			if node.Passthrough {
				return append(flags, args[i+1:]...)
			}
		default:
			positional = append(positional, arg)
		}
	}
	return append(flags, positional...)
}

func findSubcommand(node *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return node.Children[i]
}

// takesNext reports whether the value of a flag is the argument after it.
func takesNext(node *kong.Node, arg string) bool {
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if arg == "--"+f.Name || f.Short != 0 && arg == "-"+string(f.Short) {
				return !f.IsBool() && !f.IsCounter()
			}
		}
	}
	return false // unknown, or --name=value
}
