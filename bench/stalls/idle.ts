/* A process that does nothing: its stalls are those of the machine. */

setInterval(() => {}, 1_000);
