#!/usr/bin/env node
import { runCommand } from './commands.js'
import { processIo } from './io.js'

const exitCode = await runCommand(process.argv.slice(2), processIo())
if (exitCode !== undefined) process.exitCode = exitCode
