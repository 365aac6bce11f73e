import { logUnavailable, RingcastError } from '../errors.js'
import type { Receipt } from '../hub/event-log.js'
import type { EventDraft } from '../hub/event.js'
import { ErrorReply, type RedisConnection } from '../redis/connection.js'
import { contentDigest, keyConflict } from './key-memory.js'
import { namesOf, openHeader } from './redis-entries.js'
import { appendScript, settleScript } from './redis-scripts.js'

/** The most events and the most text (in UTF-16 units) that go in one call, unless one push has more. */
const groupEvents = 512
const groupText = 1024 * 1024
/** How many calls may be under way: what comes meanwhile goes together in the next. */
const groupsAtOnce = 2
/** How long it may take to learn what became of a push, in milliseconds. */
const answerMs = 5000
/** How often it is looked which pushes wait too long, in milliseconds. */
const lookMs = 250

interface Push {
  readonly batch: readonly EventDraft[]
  readonly at: number
  readonly resolve: (receipts: readonly Receipt[]) => void
  readonly reject: (error: RingcastError) => void
}

/** Where appends go for now. */
export interface AppendTarget {
  readonly connection: RedisConnection
  readonly prefix: string
  /** The epoch that the log is known to have. */
  readonly epoch: () => string
  /** Has it looked whether the log is still of that epoch; pushes wait for it. */
  readonly look: () => Promise<void>
  /** Told of an answer, and of a refusal. */
  readonly onAnswer: (refusal: string | undefined) => void
}

/**
 * The pushes of a node on their way into Redis: what comes in one turn of the event loop, or while
 * others are under way, goes together. Each group has a number, by which it is learnt after a lost
 * connection what became of it.
 */
export class RedisAppends {
  readonly #node: string
  readonly #look: NodeJS.Timeout
  #waiting: Push[] = []
  readonly #underWay = new Map<number, readonly Push[]>()
  #number = 0
  #calls = 0
  #target: AppendTarget | undefined
  #scheduled = false
  #whenNone: (() => void)[] = []

  /** @param node the name of this node in Redis; none other has it. */
  constructor(node: string) {
    this.#node = node
    this.#look = setInterval(() => {
      this.#giveUp()
    }, lookMs).unref()
  }

  /** Appends a push; rejects as `EventLog.append`. There must be somewhere to append to. */
  append(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, at: performance.now(), resolve, reject })
      this.#schedule()
    })
  }

  /**
   * Learns what became of the groups that were under way when the connection was lost: those that Redis
   * has are answered so, the others can't come in any more and are refused.
   */
  async settle(connection: RedisConnection, prefix: string): Promise<void> {
    const numbers = [...this.#underWay.keys()]
    if (this.#number === 0) return
    // Those that were given up are dead from now on too.
    const asked = numbers.at(-1) === this.#number ? numbers : [...numbers, this.#number]
    const args = [prefix, this.#node, ...asked.map(String)]
    const answers = (await settleScript.run(connection, args)) as (string | null)[]
    for (const [index, number] of numbers.entries()) {
      const answer = answers[index] ?? undefined
      if (answer !== undefined) this.#answer(number, answer)
      else
        this.#refuse(number, logUnavailable('Redis was lost before it had the push: push it again'))
    }
  }

  /** From now on pushes go there. */
  begin(target: AppendTarget): void {
    this.#target = target
    this.#schedule()
  }

  /** The connection is lost: what was not sent yet is refused, what was sent waits to be settled. */
  stop(problem: string): void {
    this.#target = undefined
    const refusal = logUnavailable(problem)
    for (const { reject } of this.#waiting.splice(0)) reject(refusal)
  }

  /** Resolves when nothing is waiting or under way. */
  none(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#whenNone.push(resolve))
  }

  /** Ends it: what is still not known stays so. */
  close(): void {
    clearInterval(this.#look)
    this.stop('the log is closed')
    for (const number of this.#underWay.keys()) this.#refuse(number, uncertain())
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.size === 0
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // What comes in this turn of the event loop goes together.
    setImmediate(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    const target = this.#target
    while (target !== undefined && this.#waiting.length > 0 && this.#calls < groupsAtOnce) {
      void this.#sendGroup(target, this.#nextGroup())
    }
  }

  #nextGroup(): readonly Push[] {
    let [count, events, text] = [0, 0, 0]
    for (const { batch } of this.#waiting) {
      events += batch.length
      for (const { data } of batch) text += data.length
      if (count > 0 && (events > groupEvents || text > groupText)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #sendGroup(target: AppendTarget, group: readonly Push[]): Promise<void> {
    const { connection, prefix, epoch, onAnswer } = target
    const number = ++this.#number
    this.#underWay.set(number, group)
    this.#calls++
    try {
      const args = [prefix, epoch(), this.#node, String(number), ...group.flatMap(argumentsOf)]
      const answer = (await appendScript.run(connection, args)) as string
      onAnswer(undefined)
      if (answer === 'fenced') await this.#again(target, number)
      else this.#answer(number, answer)
    } catch (error) {
      // Anything else: the connection is lost, and the group is settled once there is another.
      if (error instanceof ErrorReply) {
        const why = `Redis refuses to append: ${error.message}`
        this.#refuse(number, logUnavailable(why))
        onAnswer(why)
      }
    } finally {
      this.#calls--
      this.#schedule()
    }
  }

  /** The log is of another epoch, and nothing was appended: once it is known which, it goes again. */
  async #again(target: AppendTarget, number: number): Promise<void> {
    const group = this.#underWay.get(number)
    this.#underWay.delete(number)
    if (group === undefined) return
    this.#waiting.unshift(...group)
    // Whatever comes of it is told to those who wait: another target, or none.
    if (this.#target === target) this.#target = undefined
    await target.look().then(
      () => (this.#target ??= target),
      () => undefined,
    )
  }

  #answer(number: number, answer: string): void {
    const group = this.#underWay.get(number)
    this.#underWay.delete(number)
    const [epoch = '', ...words] = answer.split(' ')
    for (const [index, push] of (group ?? []).entries()) settlePush(push, epoch, words[index]!)
    this.#tellIfIdle()
  }

  #refuse(number: number, error: RingcastError): void {
    const group = this.#underWay.get(number)
    this.#underWay.delete(number)
    for (const { reject } of group ?? []) reject(error)
    this.#tellIfIdle()
  }

  #tellIfIdle(): void {
    if (this.#isIdle) for (const resolve of this.#whenNone.splice(0)) resolve()
  }

  /** Nobody waits for ever: of a group that can't be asked for it is said that it is not known. */
  #giveUp(): void {
    const since = performance.now() - answerMs
    for (const [number, [oldest]] of this.#underWay) {
      if (oldest!.at < since) this.#refuse(number, uncertain())
    }
    while (this.#waiting[0] !== undefined && this.#waiting[0].at < since) {
      this.#waiting.shift()!.reject(logUnavailable('the log does not answer'))
    }
    this.#tellIfIdle()
  }
}

function uncertain(): RingcastError {
  return new RingcastError(
    'RINGCAST_UNCERTAIN',
    'Redis was lost in the middle of the push, and cannot be asked what became of it: push it again with the same key',
    { retryAfterSeconds: 1 },
  )
}

function argumentsOf({ batch }: Push): string[] {
  const args = [String(batch.length)]
  for (const draft of batch) {
    const { key, topics, users, data } = draft
    const names = namesOf(topics, users)
    const digest = key === undefined ? '' : contentDigest(draft)
    args.push(openHeader(draft), data, key ?? '', digest, String(names.length), ...names)
  }
  return args
}

function settlePush({ batch, resolve, reject }: Push, epoch: string, word: string): void {
  if (word.startsWith('!')) {
    reject(keyConflict(Number(word.slice(1))))
    return
  }
  if (!word.startsWith('=')) {
    const first = Number(word)
    resolve(batch.map((_, index) => ({ epoch, sequence: first + index, duplicate: false })))
    return
  }
  resolve(
    word
      .slice(1)
      .split(',')
      .map((place) => {
        const [of, known] = place.split('/')
        return known === undefined
          ? { epoch, sequence: Number(of), duplicate: false }
          : { epoch: of!, sequence: Number(known), duplicate: true }
      }),
  )
}
