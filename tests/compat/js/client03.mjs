// @a2a-js/sdk 0.3.x's own client; it asks for the card anew for every call.
import { ClientFactory, DefaultAgentCardResolver } from 'a2a-js-sdk-03/client';
import { randomUUID } from 'node:crypto';
import { WELL_KNOWN, Refused, serve } from './lines.mjs';

async function asked(url, call) {
  // The address of the card in full: the SDK takes a path from the root of the host.
  const client = await new ClientFactory().createFromUrl(url + WELL_KNOWN, '');
  try {
    return await call(client);
  } catch (error) {
    const said = /-32\d{3}/.exec(`${error.message}`);
    const codes = { TaskNotFoundError: -32001, TaskNotCancelableError: -32002, PushNotificationNotSupportedError: -32003, UnsupportedOperationError: -32004 };
    throw new Refused(error.errorResponse?.error?.code ?? codes[error.name] ?? (said ? Number(said[0]) : 0), `${error.name}: ${error.message}`);
  }
}

function textOf(parts) {
  return (parts ?? []).map((part) => part.text ?? '').join('');
}

function seen(task) {
  if (task.kind !== 'task') throw new Error(`no task: ${JSON.stringify(task)}`);
  return {
    id: task.id,
    context_id: task.contextId,
    state: task.status.state,
    artifacts: (task.artifacts ?? []).length,
    said: textOf(task.status.message?.parts),
    history: (task.history ?? []).length,
  };
}

function config(webhook) {
  if (!webhook) return undefined;
  const authentication = webhook.secret ? { schemes: ['HMAC-SHA256'], credentials: webhook.secret } : undefined;
  return { id: webhook.id || undefined, url: webhook.url, token: webhook.token || undefined, authentication };
}

function webhook({ pushNotificationConfig: told }) {
  return { url: told.url, token: told.token ?? '', secret: told.authentication?.credentials ?? '', id: told.id };
}

function request({ text, task, webhook: hook, waits }) {
  return {
    message: {
      kind: 'message',
      messageId: randomUUID(),
      role: 'user',
      parts: [{ kind: 'text', text }],
      ...(task && { taskId: task.id, contextId: task.context_id }),
    },
    configuration: { blocking: Boolean(waits), pushNotificationConfig: config(hook) },
  };
}

serve({
  send: (told) => asked(told.url, async (client) => seen(await client.sendMessage(request(told)))),
  reply: (told) => asked(told.url, async (client) => textOf((await client.sendMessage(request({ ...told, waits: true }))).parts)),
  get: ({ url, task_id: id }) => asked(url, async (client) => seen(await client.getTask({ id }))),
  cancel: ({ url, task_id: id }) => asked(url, async (client) => seen(await client.cancelTask({ id }))),
  set_config: ({ url, task_id: taskId, webhook: hook }) =>
    asked(url, async (client) => webhook(await client.setTaskPushNotificationConfig({ taskId, pushNotificationConfig: config(hook) }))),
  get_config: ({ url, task_id: id, config_id: pushNotificationConfigId }) =>
    asked(url, async (client) => webhook(await client.getTaskPushNotificationConfig({ id, pushNotificationConfigId }))),
  list_configs: ({ url, task_id: id }) =>
    asked(url, async (client) => (await client.listTaskPushNotificationConfig({ id })).map(webhook)),
  delete_config: ({ url, task_id: id, config_id: pushNotificationConfigId }) =>
    asked(url, async (client) => (await client.deleteTaskPushNotificationConfig({ id, pushNotificationConfigId })) ?? null),
  read_notification: ({ body }) => seen(JSON.parse(body)),
  card: ({ url, path }) => new DefaultAgentCardResolver().resolve(url + path, ''),
});
