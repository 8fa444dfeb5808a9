# The supervisor: the parent of a server, which stops it after its last use.
#
#   sh supervisor.sh SIGNAL TRASH BINDIR DATA LOCALE INITOPT [postgres options]
#
# Standard input is the reading end of a pipe. Every process that uses the server
# holds its writing end, so the pipe ends when the last of them has ended or was
# killed. Then the server gets SIGNAL (INT: fast shutdown, QUIT: immediate), and
# the directory TRASH, if not empty, is deleted.
#
# If the file restart-with exists when the server ends, the server is started
# again with the binaries of the directory that the file names.
signal=$1 trash=$2 bin=$3 data=$4 locale=$5 initopt=$6
shift 6
exec 3<&0 </dev/null

# run_until_unused runs a command until it ends or the pipe ends. The signal is
# repeated: one sent before the command has set its handlers is lost, because a
# shell starts background commands with INT and QUIT ignored. Only the supervisor
# may hold the reading end: other processes take an open one for a running server.
run_until_unused() {
	"$@" 3<&- &
	child=$!
	{
		read -r _ <&3
		while kill -s "$signal" "$child"; do sleep 1 3<&-; done
	} >/dev/null 2>&1 &
	guard=$!
	wait "$child"
	status=$?
	kill "$guard" 2>/dev/null
	wait "$guard" 2>/dev/null
	return "$status"
}

# The data directory gets its name when initdb has succeeded, so that an
# interrupted initdb is not mistaken for a database.
init_data() {
	rm -rf "$data.new"
	run_until_unused "$bin/initdb" -D "$data.new" -U postgres -A trust -E UTF8 \
		--locale="$locale" "$initopt" || return
	mv "$data.new" "$data"
}

status=0
rm -f restart-with
if [ -d "$data" ] || init_data; then
	run_until_unused "$bin/postgres" -D "$data" "$@"
	while [ -s restart-with ]; do
		bin=$(cat restart-with)
		rm restart-with
		run_until_unused "$bin/postgres" -D "$data" "$@"
	done
fi

# A process may still be writing into it: try again for a while.
for _ in 1 2 3 4 5; do
	[ -n "$trash" ] || break
	rm -rf "$trash" && break
	sleep 1 3<&-
done
exit "$status"
