"""The words that mean something else when a picture is there. Data, as in `vocabulary`."""

from portico.routing.signals import CODE, DESIGN, VISION
from portico.routing.vocabulary import GOOD, STRONG, WEAK, Vocabulary

THINGS: Vocabulary = {
    DESIGN: {
        STRONG: """
            layout* mockup* typograph* typeface* palette* design designs дизайн* макет* вёрстк*
            верстк* типограф* палитр* прототип* интерфейс* фигм* 界面 布局 配色 字体 原型 交互
            排版 视觉 海报 leiaute interfaz maquette* デザイン レイアウト フォント tipograf*
            interfaccia 디자인* 레이아웃* mise_en
        """,
        GOOD: """
            ui css_only flyer worksheet hud menus logotype 글꼴 색상 버튼 화면 logo color colors
            colour colours font fonts contrast spacing landing navigation navbar responsive
            diagram* sidebar icon icons iconograp* animation* dark_mode dark_theme checkout
            dashboard* hero poster* packaging booklet brochure* slide slides interfaces цвет*
            шрифт* кнопк* отступ* контраст* иконк* логотип* бренд* лендинг* дашборд* экран*
            пользова* сетк* диаграм* меню онборд* иллюстр* баннер* афиш* плакат* вывеск* 颜色 按钮
            图标 导航 插画 主题 弹窗 字号 栅格 阴影 版面 couleur* colore* colori cores farbe*
            schrift* botón botones bouton* botão botões schaltfl* icono* ícone* carattere grafica
            アイコン ボタン
        """,
        WEAK: """
            button buttons modal menu header footer card cards page pages screen screens form
            forms padding margin tooltip* grid desktop tablet tabs column* align* settings section
            carousel banner cover форм* карточк* страниц* мобильн* текст 页面 卡片 页 página
            pagina pantalla tela écran seite ekran* strony
        """,
    },
}
"""Words for what a picture of ours shows anyway: with one, they tell little."""

BEHOLD: Vocabulary = {
    VISION: {
        STRONG: """
            wann wo steht_auf wie_heißt quelle_heure qu_est où_est quel quelle quels qué_hora
            qué_hay cuál cuánto cuanto qual quando dov quale przeczytaj gdzie ile_jest написано де
            скільки nerede hangi kaç_tane 몇 개 있나요 라고 書い 看板 写真 何 在哪 选中 打出 牌子
            是什 哪一 几点到 有没有人 边框 多少钱 几张 几行 第几 谁 型号 读出 念一 日期 时间 价格
            считай_номер какое_значение прямоугольник* есть_ли на_каком выведи надписей
            составь_список сколько_стоит кто_на что_изображено в_каком во_сколько is_anything
            is_the are_any read_me list_them as_text as_is plain_text pixel_box crop_to verbatim
            word_for spell_out write_down note_down how_much how_long what_time what_kind
            what_number what_colour what_color what_level according_to in_which on_which 좌표 인식
            찾아 어디 글자 숫자 읽어 ocr bbox bboxes bounding_box bounding_boxes coordinates
            transcri* detect* locate pixel_coordinates where_is where_are how_many what_is what_s
            what_does read_the read_out alt_text alternative_text type_out copy_out are_there
            is_there make_out who_is polygon polygons no_opinions list_all list_the list_every
            find_the find_all name_the name_all as_shown are_visible is_visible is_written
            прочита* распозна* координат* перечисл* транскриб* сколько где_на что_на что_написано
            опиши опишите найди найдите назови назовите выпиши рамк* зачитай 坐标 识别 提取 哪里
            多少 文字 读取 检测 位置 描述 列出 找出 框出 圈出 抄下 写着 转成 抄一 几个 几号 几点
            有几 写的 转录 图中 图里 图上 coordenadas coordonn* transcr* koordinat* cuántos
            cuántas quantos quantas quanti quante combien wie_viele lies_den was_steht skilky ile
            kaç
        """,
        GOOD: """
            номер цена цену дата дату время значение вкладка активн* расписание верни карточек
            язык языке вижу видишь стоит лежит держит крестик весах показан* показыв* coords
            which_one plate label_text tag sticker logo_name what_are date dates time times price
            prices amount total row rows  greyed   corner background foreground
            person people_are face faces object objects count_the located location standing
            holding wearing sitting brand license barcode qr find list extract* describe count
            identify recogni* visible read annotate* click copy highlighted elements regions
            labels label where written says number numbers exactly ticked checked selected lit
            printed drawn handwritten displayed marked positions position serial values which who
            shown show shows only_the just_the top_left bottom_right upper_left colour_is color_is
            name names open closed title titles найти список надпис* элемент* покажи видно извлеки
            где кто указан* обведи какие какая какой какое вытащи изображен* изображён* нарисован*
            названия подпис* отмечен* выделен* справа слева сверху рядом перепиши_текст каком
            находится цифр* 文本 元素 这张 内容 数字 标注 查找 哪些 哪个 看到 显示 左上 右上 右边
            左边 表格 白板 lee lis liste lista encuentra encontre trouve finde welche welcher
            quais quali dónde onde où texto texte leggi leia trova dove testo steht extrae extraia
            qué_dice aparecem テキスト 텍스트* jakie які
        """,
        WEAK: """
            screenshot screen image picture photo see text texts value what box boxes state status
            photograph capture sign скриншот* скрин скрине картинк* фото изображ* снимк* поле поля
            截图 图片 照片 屏幕 画面 什么 captura bildschir* imagen imagem immagine schermata bild
            スクリーンショット 画像 이미지* 스크린샷*
        """,
    },
    DESIGN: {
        STRONG: """
            wirkt würdest findest mudaria mudarias changerais trouves_tu avis ti_sembra pensi
            cosa_cambieresti cambieresti opinas piensas te_parece acha achas sądzisz zmienić
            змінив думаєш на_твою ne_düşünüyorsun 개선할 알려 改善 どう 你会 你觉 觉得 怎么 高级
            太素 太花 太挤 好不 更高 意见 看法 哪里不 如何改 能不能 顺眼 舒适 显得 杂乱 拥挤 单调
            разбери чище глянь взгляни мелко понятно_ли слишком стоит_ли убрать оставить подать
            заметн* заметнее как_бы что_можно как_сделать ощущен* впечатлен* нравится нрав*
            твоё_мнение твое_мнение мнение roast gut_check second_opinion would_make would_people
            visible_enough too_small too_big too_dark too_loud any_problems what_works how_could
            can_go make_you your_opinion kind_concrete criticism advice tips next_iteration sell
            sells convey communicate looks_like say_craft more_appealing 개선 어때 어울 improve*
            critique critici* audit feedback redesign thoughts opinion opinions honest honestly
            brutal your_take suggestion* suggest recommend* how_would would_you should_i should_we
            what_should you_think too_busy too_much too_many make_sense look_like a_fresh rate
            review улучш* оцени* критик* посовет* совет* аудит что_не так_с свежим перегруж* лучше
            не_так что_думаешь как_тебе 改进 评价 毛病 建议 更好 合适 好看 吸引 精简 适合 优化
            怎么改 不足 够不 améliorer penses mejor* melhor* verbesser* miglior* opinión cambiar*
            mudari* quoi_améliorer покращ* поліпш* poprawi* co_sądzisz
        """,
        GOOD: """
            problems noisy noise sceptical impression present proud boring ugly pretty beautiful
            cheap premium_feel childish serious consistent inconsistent simplify tidy remove drop
            leave_out instead prioritize stands_out tapping misread struggle reads_well better
            worse change weak weaker wrong feel feels feeling flat dead premium modern trustworthy
            understand understandable clear unclear confus* lost work works enough too should
            would could why solve fix_the composition balance balanced nicer prettier elegant
            rearrange restructure convince convincing attractive readable easy easier hard_to
            comfortable clutter* busy crowded cramped appeal* compare prefer first_impression
            severity against cleaner stronger direction draft pass поменя* меня* изменил* усил*
            слаб* удобн* понятн* читаем* красив* замен* зачем сравни* насколько плох* теря*
            перегружен* цепля* продаёт продает хорош* 太多 哪个更 哪版 两版 挑挑 够 舒服 清晰
            怎么样 突出 对比 gut schlecht besser entiende cambiarí* funciona bonito bien mal claro
            もっと 良
        """,
    },
    CODE: {
        GOOD: """
            recreate rebuild html css jsx tailwind react swiftui flutter component view markup
            semantic fieldset code implement my_code convert_to into_html write_the сверстай
            сверстать вёрстку верстку компонент код 代码 组件 实现 生成
        """,
    },
}
"""Words that tell only in a conversation with a picture: to look, or to judge, or to rebuild."""
