// The reference page: Swagger UI over /openapi.json, and below an answer the picture that it speaks of.

const dark = matchMedia('(prefers-color-scheme: dark)');
const theme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', theme);
theme();

/**
 * The URL of the picture that a record shows, if it is served from here: django's path, falcon's key, a persona's URL.
 */
function pictureOf(text) {
  try {
    const { avatar, image_path: key, foto_url: url } = JSON.parse(text);
    const shown = new URL(avatar ?? url ?? `/media/${key}`, location);
    return shown.origin === location.origin && shown.pathname.startsWith('/media/avatars/') ? shown.href : undefined;
  } catch {
    return undefined; // no JSON object, or no URL
  }
}

const answers = ({ React: { createElement } }) => ({
  wrapComponents: {
    // Nearly the same for every status: there when somebody looks for them.
    headers: (Headers) => (props) =>
      createElement('details', null, createElement('summary', null, 'Headers'), createElement(Headers, props)),
    responseBody: (Body) => (props) => {
      const picture = typeof props.content === 'string' ? pictureOf(props.content) : undefined;
      return createElement(
        'div',
        null,
        createElement(Body, props),
        picture &&
          createElement(
            'a',
            { href: picture, className: 'picture' },
            createElement('img', { src: picture, alt: 'The picture that the record shows' }),
          ),
      );
    },
  },
});

globalThis.ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [answers],
  // What demo.js adds in local development; deployed, there is no such file.
  ...globalThis.demo,
});
