// validatorUrl: Swagger UI would otherwise have the document judged by a server on the internet.
SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
