/** One instruction of a Dockerfile: its name, its flags (`--from=build`), and the rest as it stands there. */
export interface Instruction {
  readonly name: string
  readonly flags: ReadonlyMap<string, string>
  readonly rest: string
}

/** A stage: what it is based on, its name where it has one, and its instructions. */
export interface Stage {
  readonly from: string
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

/** Reads a Dockerfile, as far as ours goes: no heredocs, and variables in `FROM` alone. */
export function readDockerfile(text: string): readonly Stage[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  const whole = lines.join('\n').replaceAll(/\\\n\s*/g, '')
  const defaults = new Map<string, string>()
  const stages: { from: string; name: string | undefined; instructions: Instruction[] }[] = []
  for (const line of whole.split('\n').filter((each) => each.trim() !== '')) {
    const instruction = readInstruction(line)
    const { name, rest } = instruction
    if (name === 'FROM') {
      const [from, , as] = rest.split(/\s+/)
      const base = from!.replaceAll(/\$\{(\w+)\}/g, (_, variable: string) =>
        defaults.get(variable)!,
      )
      stages.push({ from: base, name: as, instructions: [] })
    } else if (stages.length === 0) {
      const [variable, value] = rest.split('=')
      defaults.set(variable!, value!)
    } else stages.at(-1)!.instructions.push(instruction)
  }
  return stages
}

function readInstruction(line: string): Instruction {
  const [, name, flags, rest] = /^(\w+)((?:\s+--\S+)*)\s+(.*)$/.exec(line)!
  const pairs = Array.from(flags!.matchAll(/--(\S+?)=(\S+)/g), ([, flag, value]) => [flag, value])
  return { name: name!, flags: new Map(pairs as [string, string][]), rest: rest! }
}

/** What the last instruction of this name says in a stage. */
export function lastOf({ instructions }: Stage, name: string): Instruction {
  const instruction = instructions.findLast((each) => each.name === name)
  if (instruction === undefined) throw new Error(`the Dockerfile has no ${name}`)
  return instruction
}

/** The words of an instruction in exec form, such as `["node", "main.js"]`. */
export function words({ rest }: Instruction): readonly string[] {
  return JSON.parse(rest.slice(rest.indexOf('['))) as string[]
}
