/**
 * The other processes that have the same log open. What one tells may come to the others late, once
 * for several, or never: each looks for itself too.
 */
export interface Peers {
  /** Tells the others that there is something new in the log. */
  tell(): void
  /** Names the one listener that is called when another has told so. */
  onTold(listener: () => void): void
}
