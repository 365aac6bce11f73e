import { RingcastError } from '../errors.js'
import type { EventDraft } from '../hub/event.js'
import { covers, isPattern, isReserved, nameProblem, patternMatches } from '../hub/topic.js'
import type { Caller } from './caller.js'

/** What stands for the user's name in `USER_GRANTS`. */
const placeholder = '{user}'

/**
 * Refuses a subscription that is not granted whole. A pattern has to lie within one granted pattern:
 * a stream is never less than it was asked for.
 *
 * @throws RingcastError `RINGCAST_FORBIDDEN`, or `RINGCAST_UNAUTHENTICATED` without a credential.
 */
export function checkSubscribe(caller: Caller, topics: readonly string[]): void {
  const refused = notGranted(caller, topics)
  if (refused !== undefined) throw refusal(caller, `subscribing to ${named(refused)}`, 'topic')
}

/** Whether a subscription is granted whole. */
export function maySubscribe(caller: Caller, topics: readonly string[]): boolean {
  return notGranted(caller, topics) === undefined
}

function notGranted(caller: Caller, topics: readonly string[]): string | undefined {
  return topics.find((topic) =>
    isReserved(topic) ? !caller.admin : !isGranted(caller.subscribe, topic),
  )
}

/**
 * Refuses a push to topics or users that are not granted. Users are no topics: pushing to them
 * takes the grant of all topics, or `admin`.
 *
 * @throws RingcastError as `checkSubscribe`, with the `index` of the event.
 */
export function checkPublish(caller: Caller, drafts: readonly EventDraft[]): void {
  if (caller.publish.includes('**')) return
  for (const [index, { topics, users }] of drafts.entries()) {
    const refused = topics.find((topic) => !isGranted(caller.publish, topic))
    if (refused !== undefined) {
      throw refusal(caller, `pushing to ${named(refused)}`, 'topic', index)
    }
    if (users.length > 0 && !caller.admin) throw refusal(caller, 'pushing to users', 'user', index)
  }
}

/** Refuses, before its body is read, who may push nothing at all. */
export function checkMayPublish(caller: Caller): void {
  if (caller.publish.length === 0 && !caller.admin) throw refusal(caller, 'pushing')
}

/** Refuses who may not administer. */
export function checkAdmin(caller: Caller): void {
  if (!caller.admin) throw refusal(caller, 'what only an administrator may do')
}

/** The refusal of who has no credential. `what` ends the sentence "… needs a credential". */
export function unauthenticated(what: string): RingcastError {
  return new RingcastError(
    'RINGCAST_UNAUTHENTICATED',
    `${what} needs a credential: send "Authorization: Bearer <key or token>"`,
  )
}

/**
 * What `USER_GRANTS` gives a user. A name with `/` or `*`, or `$` at its start, gets nothing by a
 * pattern that it stands in: it would reach into what is another's.
 */
export function grantsOfUser(templates: readonly string[], user: string): readonly string[] {
  const plain = !/[/*]|^\$/.test(user)
  return templates
    .filter((template) => plain || !template.includes(placeholder))
    .map((template) => template.replaceAll(placeholder, () => user))
    .filter((pattern) => nameProblem(pattern) === undefined)
}

function isGranted(grants: readonly string[], topic: string): boolean {
  return isPattern(topic)
    ? grants.some((grant) => covers(grant, topic))
    : grants.some((grant) => patternMatches(grant, topic))
}

function refusal(caller: Caller, what: string, path?: string, index?: number): RingcastError {
  if (caller.kind === 'anonymous') return unauthenticated(what)
  return new RingcastError('RINGCAST_FORBIDDEN', `${what} is not granted to this credential`, {
    ...(path === undefined ? {} : { path }),
    ...(index === undefined ? {} : { index }),
  })
}

function named(topic: string): string {
  return JSON.stringify(topic.length > 200 ? `${topic.slice(0, 200)}…` : topic)
}
