/** What is the same of several kinds of log. */

/** A key is known for at least this long, in milliseconds… */
export const keptMs = 5 * 60 * 1000
/** …or until this many newer keys have come. */
export const keptKeys = 100_000

/** For how many events deleted the horizon tells names apart well; 16 places of 8 bytes for each. */
export const horizonEvents = 65_536

/** How long a push that is safe waits to be told here, in milliseconds: others are told it anyway. */
export const toldMs = 1000
