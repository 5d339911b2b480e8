/** The words in Spanish: a line for each text of `ENGLISH`, in its order. */
export const WORDS = `es
Busque su hospital o clínica
Escriba el nombre, la ciudad o el código postal.
Usted entra en la página de su hospital. {app} recibe una copia de sus datos de salud. Su clave se queda en el hospital.
Esta app
Borrar
Buscando…
{count} resultado
{count} resultados
Ver los {count} lugares de {name}
Olvidar los que elegí
Se ven {count} y hay más. Siga escribiendo.
No hay nada con “{query}”. Vea si está bien escrito o pruebe con la ciudad.
Mi hospital no está
Pruebe con el nombre que ve en una carta del hospital, o pregunte a {app}.
No se puede buscar ahora. Pruebe otra vez en un minuto.
Probar otra vez
Vamos a {name} para que usted entre
Cancelar
Elegir otro hospital
Cargar de nuevo
Ya está conectado
{app} ya puede pedir una copia de sus datos. Puede tardar un poco.
Conectar otro hospital
{name} ya está conectado
Sus datos van llegando: {count}
Sus datos ya están aquí: {count}
Aún no hay datos aquí.
No se dieron todos los datos. Faltan: {kinds}.
Arreglar
alergias
problemas de salud
informes
notas
vacunas
medicinas
pruebas
otros datos
Sus hospitales
Al día: {date}
Conectar de nuevo {name}
Desconectar {name}
{app} ya no va a recibir datos de {name}.
Sí, desconectar {name}
Dejar {name}
Conectado
No conectado
El acceso terminó
No se dio ningún dato
Usted paró en la página de su hospital.
Esta es otra cuenta
Entre con la misma cuenta que la última vez.
Su sesión se cerró
Entre otra vez en {app}.
Entró otra persona
Entre otra vez en {app}.
Este hospital no se puede usar
{app} no se puede conectar con él ahora.
Parece que no hay internet
Vea si tiene conexión a la red.
No se pudo conectar
No terminó de entrar en su hospital. No se dio ningún dato.
Este enlace ya no sirve
El enlace para entrar dura poco tiempo.
Empezar de nuevo
Espere un momento
Algo no va bien. Pruebe otra vez en un minuto.
Código para la ayuda:
Copiar
Copiado
Busque el hospital o la clínica de su hijo
Entre con la cuenta que usa para su hijo. {app} recibe una copia de los datos de salud. Su clave se queda en el hospital.
Busque el hospital o la clínica de la persona que cuida
Entre con la cuenta que usa para esa persona. {app} recibe una copia de los datos de salud. Su clave se queda en el hospital.`;
