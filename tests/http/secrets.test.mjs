// Which key may sign which ids: the back ends' own secrets, the shared secret, key sets and JWT_SUB. The id 6 is a
// different account in each back end (support/colliding.mjs). Also claims of odd types, signed with every secret.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accountOf, BACK_ENDS, changed, collide, rowsOf } from '../support/colliding.mjs';
import { INVALID_TOKEN, ROUTES } from '../support/dialects.mjs';
import { forge, HS256, now } from '../support/forged.mjs';
import { newKey, setOf, tokenBy } from '../support/key_sets.mjs';
import { assertResponse } from '../support/responses.mjs';
import { LAYOUTS, SECRET, token } from '../support/tokens.mjs';
import { startWorker } from '../support/worker.mjs';

const PREVIOUS = 'the-shared-secret-before, of 32 bytes';
const OWN = Object.fromEntries(BACK_ENDS.map((name) => [name, `the-secret-of-${name}-of-32-bytes-or-more`]));
const OWN_PREVIOUS = Object.fromEntries(BACK_ENDS.map((name) => [name, `the-one-before-of-${name}, of 32 bytes`]));
const [FOTO] = ROUTES;
const ME = ROUTES.find(({ name }) => name === 'PUT /api/personas/me');

let worker, key;
before(async () => {
  key = await newKey('EdDSA', 'ed');
  worker = await startWorker();
  await collide(worker);
  // Every account has every permission, so that only a token can be the reason for a refusal.
  await worker.sql('UPDATE users SET role_id = 1 WHERE id > 1000');
});
after(() => worker?.stop());

/** The variables that give these back ends their own secrets, current and previous. */
const ownSecrets = (backEnds) =>
  Object.fromEntries(
    backEnds.flatMap((name) => [
      [`JWT_SECRET_${name.toUpperCase()}`, OWN[name]],
      [`JWT_SECRET_${name.toUpperCase()}_PREVIOUS`, OWN_PREVIOUS[name]],
    ]),
  );
const shared = { JWT_SECRET: SECRET, JWT_SECRET_PREVIOUS: PREVIOUS };

/**
 * The token's subject and account with these variables, from the log, for example `seam 6 = 1001`, or 401 if it is
 * refused.
 */
async function callerOf(bearer, vars) {
  const response = await worker.put(FOTO.path(8), { token: bearer, json: FOTO.good, vars });
  if (response.status !== 200) {
    const line = await assertResponse(worker, response, 401, FOTO.refusals.badToken(), {
      d1: 0,
      challenge: INVALID_TOKEN,
    });
    assert.deepEqual([line.account, line.back_end, line.subject], [undefined, undefined, undefined]);
    return 401;
  }
  const { back_end = 'plain', subject, account } = await worker.logOf(response);
  return `${back_end} ${subject ?? account} = ${account}`;
}
const expectedCaller = (layout, number = 6) => (layout ? `${layout} ${number} = ${accountOf(layout, number)}` : 401);

/** Every key that signs: its back end, if it is a back end's own secret, and a function that signs with it. */
const SIGNERS = {
  JWT_SECRET: [undefined, (layout) => token(6, { layout, secret: SECRET })],
  JWT_SECRET_PREVIOUS: [undefined, (layout) => token(6, { layout, secret: PREVIOUS })],
  'a key of the key set': [undefined, (layout) => tokenBy(key, 6, { layout })],
  ...Object.fromEntries(
    BACK_ENDS.flatMap((own) => [
      [`JWT_SECRET_${own.toUpperCase()}`, [own, (layout) => token(6, { layout, secret: OWN[own] })]],
      [`JWT_SECRET_${own.toUpperCase()}_PREVIOUS`, [own, (layout) => token(6, { layout, secret: OWN_PREVIOUS[own] })]],
    ]),
  ),
};

describe('the ids that a key may sign', () => {
  for (let set = 0; set < 8; set++) {
    const own = BACK_ENDS.filter((_, at) => set & (1 << at));
    const title = `own secrets: ${own.join(', ') || 'none'}`;
    test(`${title}; every key × every layout [A2 I2]`, async () => {
      const vars = { ...shared, ...ownSecrets(own), JWT_JWKS: setOf(key) };
      for (const [name, [of, sign]] of Object.entries(SIGNERS)) {
        for (const layout of Object.keys(LAYOUTS)) {
          const isBare = layout === 'plain';
          let expected;
          if (!of) expected = own.includes(layout) ? undefined : layout;
          else if (own.includes(of)) expected = isBare || layout === of ? of : undefined;
          assert.equal(await callerOf(await sign(layout), vars), expectedCaller(expected), `${name}, ${layout}`);
        }
      }
    });
  }
  const subs = { '': 'plain', account: 'plain', seam: 'seam', falcon: 'falcon', django: 'django', none: undefined };
  for (const [setting, layout] of Object.entries(subs)) {
    test(`a bare sub under the shared secret or a key set, JWT_SUB ${setting || 'not set'} [A2 I2]`, async () => {
      for (const own of [[], BACK_ENDS]) {
        const vars = { ...shared, ...ownSecrets(own), JWT_JWKS: setOf(key), JWT_SUB: setting };
        for (const [name, [of, sign]] of Object.entries(SIGNERS)) {
          if (of && own.length === 0) continue;
          assert.equal(await callerOf(await sign('plain'), vars), expectedCaller(of ?? layout), name);
        }
      }
    });
    test(`JWT_SUB ${setting || 'not set'} does not affect tokens with a back end’s claims [A2 I2]`, async () => {
      for (const backEnd of BACK_ENDS) {
        assert.equal(
          await callerOf(await token(6, { layout: backEnd }), { JWT_SUB: setting }),
          expectedCaller(backEnd),
        );
        const vars = { ...shared, ...ownSecrets([backEnd]), JWT_SUB: setting };
        assert.equal(await callerOf(await token(6, { layout: backEnd }), vars), 401);
      }
    });
  }
  test('a back end’s secret is enough on its own, and then nothing else verifies [A2]', async () => {
    const vars = { JWT_SECRET: '', ...ownSecrets(['django']) };
    assert.equal(
      await callerOf(await token(6, { layout: 'django', secret: OWN.django }), vars),
      expectedCaller('django'),
    );
    assert.equal(await callerOf(await token(6, { secret: OWN.django }), vars), expectedCaller('django'));
    for (const layout of Object.keys(LAYOUTS)) assert.equal(await callerOf(await token(6, { layout }), vars), 401);
    for (const secret of [OWN.seam, '', OWN_PREVIOUS.seam])
      assert.equal(await callerOf(forge(HS256, { user_id: 6, exp: now() + 60 }, { secret }), vars), 401);
  });
  test('a key set signs no claims of a back end that has its own secret, with or without a kid [A2 A3]', async () => {
    const vars = { JWT_SECRET: '', JWT_JWKS: setOf(key), ...ownSecrets(['seam']) };
    for (const header of [{}, { kid: undefined }]) {
      const by = (layout) => tokenBy(key, 6, { layout, header });
      assert.equal(await callerOf(await by('seam'), vars), 401);
      for (const layout of ['plain', 'falcon', 'django'])
        assert.equal(await callerOf(await by(layout), vars), expectedCaller(layout));
    }
  });
  test('once its own secret is removed, a back end immediately uses the shared one again [A2]', async () => {
    const [mine, theirs] = [await token(6, { layout: 'seam', secret: OWN.seam }), await token(6, { layout: 'seam' })];
    const vars = ownSecrets(['seam']);
    assert.deepEqual([await callerOf(mine, vars), await callerOf(theirs, vars)], [expectedCaller('seam'), 401]);
    assert.deepEqual([await callerOf(mine, {}), await callerOf(theirs, {})], [401, expectedCaller('seam')]);
  });
  test('the rules for claims are the same with every secret [A3 A4 A6]', async () => {
    const vars = { ...shared, ...ownSecrets(BACK_ENDS), JWT_ISSUER: 'https://login.example.com' };
    for (const secret of [...Object.values(OWN), ...Object.values(OWN_PREVIOUS)]) {
      const by = (options) => token(6, { secret, ...options, extra: { iss: vars.JWT_ISSUER, ...options.extra } });
      assert.notEqual(await callerOf(await by({}), vars), 401);
      for (const options of [
        { exp: now() - 75 },
        { exp: null },
        { iat: now() + 75 },
        { extra: { type: 'refresh' } },
        { extra: { token_type: 'refresh' } },
        { extra: { iss: 'https://login.example.org' } },
        { header: { crit: ['exp'], exp: 1 } },
        { header: { typ: 'at+jwt' } },
      ])
        assert.equal(await callerOf(await by(options).catch(() => 'no token'), vars), 401, JSON.stringify(options));
    }
  });
});

describe('invalid settings', () => {
  const all = { ...shared, ...ownSecrets(BACK_ENDS) };
  const names = Object.keys(all);
  /** Checks that every route returns 500, and that the log names one of the variables. */
  async function refusesAll(vars, variables) {
    const bearer = await token(6, { secret: vars.JWT_SECRET || SECRET });
    const before = await worker.dump();
    for (const { path, good, failure } of ROUTES) {
      const response = await worker.put(path(), { token: bearer, json: good, vars });
      const { cause, account } = await assertResponse(worker, response, 500, failure, { d1: 0 });
      assert.ok(variables.includes(cause.match(/JWT_[A-Z_]+/)?.[0]), cause);
      assert.equal(account, undefined);
      for (const secret of Object.values(vars)) assert.equal(secret !== '' && cause.includes(secret), false, cause);
    }
    assert.equal(await worker.dump(), before);
  }
  test('any two equal secrets are a 500 on every route, and the log names one of them [A2 R9]', async () => {
    for (const [at, one] of names.entries())
      for (const other of names.slice(at + 1)) await refusesAll({ ...all, [other]: all[one] }, [one, other]);
  });
  test('any secret of 31 bytes is a 500 on every route, and the log names it [A2 R9]', async () => {
    for (const name of names) await refusesAll({ ...all, [name]: 'x'.repeat(31) }, [name]);
  });
  test('a previous secret without a current one is a 500 on every route [A2 R9]', async () => {
    for (const name of names.filter((each) => !each.endsWith('_PREVIOUS')))
      await refusesAll({ ...all, [name]: '' }, [name, `${name}_PREVIOUS`]);
  });
  test('any other JWT_SUB is a 500 on every route, and the log names it [A2 R9]', async () => {
    for (const JWT_SUB of ['Account', 'seam ', 'personas', '6', 'true', 'seam,falcon'])
      await refusesAll({ ...all, JWT_SUB }, ['JWT_SUB']);
  });
});

describe('claims of odd types', () => {
  const RAW = '"$serde_json::private::RawValue"';
  const deep = (depth) => '['.repeat(depth) + ']'.repeat(depth);
  /** Claims as JSON, by the layout for which the shared secret verifies them; those in `none` are refused. */
  const CLAIMS = {
    seam: [
      '"idUser":6',
      '"idUser":"6"',
      '"idUser":"0006"',
      '"\\u0069d\\u0055ser":6',
      '"idUser":6,"sub":6',
      '"sub":"6","idUser":6',
      '"idUser":6,"profile":{"name":"x"}',
      '"idUser":6,"profile":[{"id":6}],"sub":6',
      '"idUser":6,"profile":null',
      '"idUser":6,"USER_ID":7,"userId":8,"id":9,"account":1002,"account_id":1002,"back_end":"django"',
    ],
    falcon: [
      '"sub":6,"profile":{"id":6}',
      '"sub":"6","profile":{"id":"6"}',
      '"sub":6,"profile":{}',
      '"profile":{"\\u0069d":6},"s\\u0075b":6',
      '"sub":6,"profile":{"ID":7,"idUser":7,"user_id":7,"sub":7}',
      `"sub":6,"profile":{"id":6,"x":{"id":7,"y":${deep(50)}}}`,
      `"sub":6,"profile":{${RAW}:"1"}`,
      `"sub":6,"profile":{${RAW}:"{\\"id\\":7}"}`,
      `"sub":6,"profile":{"id":6,${RAW}:"{\\"id\\":7}"}`,
      `"sub":6,"profile":{"x":{${RAW}:"no JSON"}}`,
    ],
    django: [
      '"user_id":6',
      '"user_id":"6"',
      '"user\\u005fid":6',
      '"user_id":6,"sub":6',
      '"user_id":6,"profile":{"name":"x"}',
      '"user_id":6,"profile":[6],"sub":"6"',
      '"user_id":6,"iduser":7,"userid":7,"userId":7,"subject":7,"issuer":"seam"',
    ],
    plain: [
      '"sub":6',
      '"sub":"06"',
      '"sub":6,"profile":"{\\"id\\":7}"',
      '"sub":6,"Profile":{"id":7}',
      '"sub":6,"id":7,"uid":7,"account":1001,"subject":1001,"back_end":"seam","issuer":"seam"',
      '"sub":6,"__proto__":{"user_id":7},"constructor":{"idUser":7}',
      '"sub":6,"user_id ":7," idUser":7,"user_id\\u0000":7,"ｉdUser":7,"user_i\\u0131d":7',
    ],
    none: [
      ...['idUser', 'user_id', 'sub'].flatMap((claim) =>
        [
          ...['null', 'true', '[]', '[6]', '[[6]]', '{}', '{"id":6}', '{"6":6}', '""', '" 6"', '"6 "', '"6\\n"'],
          ...['"+6"', '"-6"', '"0x6"', '"6.0"', '"6e0"', '"6n"', '"６"', '"٦"', '"6\\u0000"', '"\\u200b6"', '"6,7"'],
          ...['6.0', '6e0', '60e-1', '6.000000000000000000001', '-6', '-0', '0', '-0.0', '1e400', '06', '+6', '0x6'],
          ...['9007199254740992', '18446744073709551622', '4294967302.0', '1e999999999', '"9007199254740992"', 'NaN'],
          ...[`{${RAW}:"6"}`, `{${RAW}:6}`, `[{${RAW}:"6"}]`, `{"$serde_json::private::Number":"6"}`, deep(200)],
        ].map((value) => `"${claim}":${value}`),
      ),
      // The same claim twice, also with an escape in its name.
      ...['"idUser":6,"idUser":6', '"idUser":7,"\\u0069dUser":6', '"user_id":6,"user_i\\u0064":7', '"sub":6,"sub":6'],
      ...['"sub":7,"s\\u0075b":6', '"sub":6,"profile":{},"profile":{}', '"sub":6,"profile":null,"profile":{"id":6}'],
      ...['"sub":6,"profile":{"id":7,"id":6}', '"sub":6,"profile":{"id":6,"\\u0069d":6}'],
      '"sub":6,"profile":{"x":1,"x":2}',
      // Ids of more than one back end.
      ...['"idUser":6,"user_id":6', '"idUser":6,"user_id":6,"sub":6', '"user_id":6,"profile":{"id":6}'],
      ...['"idUser":6,"sub":6,"profile":{}', '"user_id":6,"sub":6,"profile":{"name":"x"}'],
      ...['"idUser":6,"profile":{"id":null}', '"idUser":6,"profile":{"id":6}', '"idUser":6,"user_id":null'],
      ...['"user_id":6,"idUser":[]', '"sub":6,"idUser":null', '"sub":6,"user_id":null'],
      ...[`"idUser":6,"sub":6,"profile":{${RAW}:"1"}`, `"user_id":6,"sub":6,"profile":{${RAW}:"null"}`],
      // Ids that differ.
      ...['"idUser":6,"sub":7', '"user_id":6,"sub":"7"', '"idUser":6,"sub":null', '"user_id":6,"sub":{}'],
      ...['"sub":6,"profile":{"id":7}', '"sub":6,"profile":{"id":null}', '"sub":6,"profile":{"id":[6]}'],
      ...['"sub":6,"profile":{"id":6.0}', '"sub":6,"profile":{"id":{}}', `"sub":6,"profile":{"id":{${RAW}:"6"}}`],
      // Falcon's claims without `sub`.
      ...['"profile":{"id":6}', '"profile":{}', '"profile":6', '"profile":{"sub":6}', ''],
      // The kind of token.
      ...['"sub":6,"type":["access"]', `"sub":6,"type":{${RAW}:"\\"access\\""}`, '"sub":6,"token_type":{}'],
      ...['"sub":6,"type":"access","type":"access"', '"sub":6,"type":"acces\\u0073\\u0000"', '"sub":6,"type":1'],
    ],
  };
  const signed = (claims, secret) => {
    const dates = `"exp":${now() + 3600},"iat":${now() - 5}`;
    return forge(HS256, `{${claims ? `${claims},` : ''}${dates}}`, { secret });
  };
  for (const [layout, all] of Object.entries(CLAIMS)) {
    const kind = { plain: 'a bare sub', none: 'bad claims' }[layout] ?? `claims of ${layout}`;
    test(`${kind}, signed with the shared secret [A5 A6 I2]`, async () => {
      for (const claims of all)
        assert.equal(
          await callerOf(signed(claims, SECRET), {}),
          expectedCaller(layout === 'none' ? undefined : layout),
          claims,
        );
    });
    for (const own of BACK_ENDS) {
      test(`${kind}, signed with the secret of ${own}: an id of ${own} or a 401 [A2 A5 I2]`, async () => {
        const vars = { ...shared, ...ownSecrets(BACK_ENDS) };
        const expected = expectedCaller(layout === 'plain' || layout === own ? own : undefined);
        for (const claims of all) assert.equal(await callerOf(signed(claims, OWN[own]), vars), expected, claims);
      });
    }
  }
  test('any token signed with django’s secret changes only that account of django [A2 I2 R7]', async () => {
    const vars = { ...shared, ...ownSecrets(['django']) };
    const before = await rowsOf(worker);
    for (const claims of Object.values(CLAIMS).flat()) {
      const options = { token: signed(claims, OWN.django), json: { nombres: 'Otra' }, vars };
      await worker.put(ME.path(), options);
      await worker.put('/users', { ...options, json: { name: 'Otra' } });
    }
    assert.deepEqual(changed(before, await rowsOf(worker)), ['personas 1003']);
  });
  test('iss and aud are compared as strings, never as JSON inside a string [A4]', async () => {
    const vars = { JWT_ISSUER: 'https://login.example.com', JWT_AUDIENCE: 'perfil' };
    const [iss, aud] = ['"iss":"https://login.example.com"', '"aud":["other","perfil"]'];
    const wrapped = (text) => `{${RAW}:${JSON.stringify(text)}}`;
    assert.equal(await callerOf(signed(`"sub":6,${iss},${aud}`), vars), expectedCaller('plain'));
    for (const claims of [
      `"iss":${wrapped('"https://login.example.com"')},${aud}`,
      `${iss},"aud":${wrapped('"perfil"')}`,
      `${iss},"aud":${wrapped('["perfil"]')}`,
      `${iss},"aud":[${wrapped('"perfil"')}]`,
      `${iss},"aud":[["perfil"]]`,
      `${iss},"aud":{"perfil":"perfil"}`,
      `${iss},${aud},"aud":"perfil"`,
      `${iss},"iss":"https://login.example.com",${aud}`,
    ])
      assert.equal(await callerOf(signed(`"sub":6,${claims}`), vars), 401, claims);
  });
});
