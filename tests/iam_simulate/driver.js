// Answers requests by @cloud-copilot/iam-simulate, which is in the folder that this starts in: a line of JSON in, a line out.
'use strict'
const { createRequire } = require('node:module')
const { createInterface } = require('node:readline')

const here = createRequire(`${process.cwd()}/`)
const { createValidatedPolicy } = here('@cloud-copilot/iam-policy')
const { anonymousPrincipal, runUnsafeSimulation } = here('@cloud-copilot/iam-simulate')
const DECISIONS = { Allowed: 'Allow', ExplicitlyDenied: 'Deny', ImplicitlyDenied: 'ImplicitDeny' }
// runUnsafeSimulation reads the name of a resource policy, which it takes from one that was validated alone.
const ofResource = (policy) => policy && createValidatedPolicy(policy, () => [], { name: 'resource' })
const named = (policies) => policies.map((policy, at) => ({ name: String(at), policy }))

function decide(question, { principal, action, arn, account, context }) {
  const who = principal ? principal : anonymousPrincipal
  const simulation = {
    request: { principal: who, action, resource: { resource: arn, accountId: account }, contextVariables: context },
    identityPolicies: principal ? named(question.identity) : [],
    permissionBoundaryPolicies: question.boundary ? named([question.boundary]) : undefined,
    resourcePolicy: ofResource(question.resource),
    serviceControlPolicies: [],
    resourceControlPolicies: []
  }
  return DECISIONS[runUnsafeSimulation(simulation, {})]
}

function answer(line) {
  const question = JSON.parse(line)
  try {
    return question.requests.map((request) => decide(question, request))
  } catch (error) {
    return { error: String(error) }
  }
}

createInterface({ input: process.stdin }).on('line', (line) => process.stdout.write(`${JSON.stringify(answer(line))}\n`))
